//! ISO 20022: what goes to the bank (pain.001.001.09) and what comes back (pain.002.001.10,
//! camt.053.001.08). Written and read as streams; reading is bounded and refuses DTDs and entities.

mod answer;
mod pain001;
mod walk;

pub use answer::{Answer, AnswerLine, BatchBooking, Source};
pub use pain001::{Instruction, InstructionLine, Originator, WriteError, write};
pub use walk::{Limits, ReadError, ReadProblem};

use std::io::BufRead;
use walk::{Step, Walk};

/// A message that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// pain.001: an instruction.
    Instruction(Instruction),
    /// pain.002 or camt.053: an answer.
    Answer(Answer),
}

/// Reads any of the three messages; which one it is, the namespace of the root says.
pub fn read(input: impl BufRead, limits: Limits) -> Result<Message, ReadError> {
    let mut walk = Walk::new(input, limits);
    match walk.step()? {
        Step::Open if walk.path() == "Document" => {}
        _ => return Err(walk.error(ReadProblem::NotAMessage(walk.path().into()))),
    }
    let namespace = walk.namespace().to_owned();
    let name = namespace
        .strip_prefix("urn:iso:std:iso:20022:tech:xsd:")
        .unwrap_or("");
    match name.rsplit_once('.') {
        Some(("pain.001.001", "09")) => pain001::read(&mut walk).map(Message::Instruction),
        // The parts that are read here are the same in these versions.
        Some(("pain.002.001", "03" | "09" | "10" | "11" | "12")) => {
            answer::read_status_report(&mut walk).map(Message::Answer)
        }
        Some(("camt.053.001", "02" | "06" | "08" | "10")) => {
            answer::read_statement(&mut walk).map(Message::Answer)
        }
        _ => Err(walk.error(ReadProblem::NotAMessage(namespace))),
    }
}

/// Reads an answer; an instruction is refused.
pub fn read_answer(input: impl BufRead, limits: Limits) -> Result<Answer, ReadError> {
    match read(input, limits)? {
        Message::Answer(answer) => Ok(answer),
        Message::Instruction(_) => Err(ReadError {
            line: 1,
            column: 1,
            problem: ReadProblem::NotAMessage("pain.001, our own instruction,".into()),
        }),
    }
}

/// The form in which ids go to the bank: 32 hexadecimal digits (ISO 20022 allows 35 characters).
pub fn compact(id: base::Id) -> String {
    id.uuid().simple().to_string()
}
