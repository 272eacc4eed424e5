//! The program's tests from outside.

mod applying;
mod cli;
mod custody;
mod entitled;
mod explained;
mod figures;
mod files;
mod guide;
mod identity;
mod killed;
mod late;
mod law_text;
mod partitions;
mod roads;
mod simulate;
mod site;
mod staff;
mod world;

use app::service::{Location, Office};

/// An empty office in a folder, under the shipped law.
async fn office(data: &std::path::Path) -> Office {
    let location = Location {
        data: data.to_path_buf(),
        database: None,
        law: None,
    };
    Office::create(&location).await.expect("an office")
}
