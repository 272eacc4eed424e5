//! Who may do what, where: a role for the act, an area that contains the case, and four eyes.

use crate::case::{Case, Happening};
use entitlement::Role;
use registry::record::Area;
use std::collections::HashMap;

/// Somebody who acts, as signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// User name, as records keep it.
    pub user: String,
    /// Roles.
    pub roles: Vec<Role>,
    /// Area code that the roles cover, with everything in it.
    pub area: String,
}

impl Actor {
    /// Has one of the roles?
    pub fn is(&self, roles: &[Role]) -> bool {
        self.roles.iter().any(|r| roles.contains(r))
    }
}

/// How the areas nest.
#[derive(Clone, Debug, Default)]
pub struct Nesting {
    parents: HashMap<String, String>,
}

impl Nesting {
    /// From the register's areas.
    pub fn new<'a>(areas: impl IntoIterator<Item = &'a Area>) -> Nesting {
        let parents = areas
            .into_iter()
            .filter_map(|a| Some((a.code.clone(), a.parent.clone()?)))
            .collect();
        Nesting { parents }
    }

    /// The area and those around it, from the inside out. Ends when a circle closes.
    pub fn chain<'a>(&'a self, area: &'a str) -> Vec<&'a str> {
        let mut chain = vec![area];
        let mut here = area;
        while let Some(parent) = self.parents.get(here) {
            if chain.contains(&parent.as_str()) {
                break;
            }
            chain.push(parent);
            here = parent;
        }
        chain
    }

    /// Does `area` lie in `outer`, or is it the same?
    pub fn contains(&self, outer: &str, area: &str) -> bool {
        self.chain(area).contains(&outer)
    }
}

/// An act on a case or on what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act<'a> {
    /// To read it, with personal data.
    See,
    /// To record evidence, take an application, open a case.
    Record,
    /// To do a step that the procedure gives to this role.
    DoStep(Role),
    /// To record that somebody objected, or that the applicant withdrew.
    TakeObjection,
    /// To record that the recipient was heard.
    Hear,
    /// To decide: grant, refuse, end, pause, confirm, release a hold.
    Decide(&'a Case),
    /// To make and read back instruction files, to book repayments.
    Pay,
}

/// Why an act is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Another role's business.
    #[error("{user} may not do this; it needs the role {needs}")]
    Role {
        /// Who tried.
        user: String,
        /// Roles that may.
        needs: String,
    },
    /// Elsewhere.
    #[error("{area} is outside the area of {user}")]
    Area {
        /// Who tried.
        user: String,
        /// Where the case is.
        area: String,
    },
    /// The same person worked on the case.
    #[error("{user} worked on this case; another person must decide")]
    FourEyes {
        /// Who tried.
        user: String,
    },
}

/// May this actor do this, in this area?
///
/// # Errors
/// The first reason against it: role, area, four eyes.
pub fn may(actor: &Actor, act: Act<'_>, area: &str, nesting: &Nesting) -> Result<(), Denied> {
    use Role::{Approver, Auditor, Caseworker, Community, Finance};
    let step;
    let roles: &[Role] = match act {
        Act::See => &[Community, Caseworker, Approver, Finance, Auditor],
        Act::Record | Act::TakeObjection => &[Community, Caseworker],
        Act::DoStep(role) => {
            step = [role];
            &step
        }
        Act::Hear => &[Caseworker],
        Act::Decide(_) => &[Approver],
        Act::Pay => &[Finance],
    };
    if !actor.is(roles) {
        let needs: Vec<String> = roles.iter().map(|r| role_name(*r).into()).collect();
        return Err(Denied::Role {
            user: actor.user.clone(),
            needs: needs.join(" / "),
        });
    }
    if !nesting.contains(&actor.area, area) {
        return Err(Denied::Area {
            user: actor.user.clone(),
            area: area.into(),
        });
    }
    if let Act::Decide(case) = act
        && worked_on(case, &actor.user)
    {
        return Err(Denied::FourEyes {
            user: actor.user.clone(),
        });
    }
    Ok(())
}

/// Did this user open the case, do a step of it or hear the recipient? Recording an objection is no
/// work on the substance, and what the system did is nobody's.
pub fn worked_on(case: &Case, user: &str) -> bool {
    case.events.iter().any(|e| {
        e.by == user
            && matches!(
                e.what,
                Happening::Opened | Happening::StepDone { .. } | Happening::Heard
            )
    })
}

/// As law files write the role.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Community => "community",
        Role::Caseworker => "caseworker",
        Role::Approver => "approver",
        Role::Finance => "finance",
        Role::Auditor => "auditor",
        Role::Analyst => "analyst",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nesting() -> Nesting {
        let area = |code: &str, parent: Option<&str>| Area {
            code: code.into(),
            name: String::new(),
            name_en: String::new(),
            parent: parent.map(Into::into),
        };
        let areas = [
            area("d", None),
            area("s1", Some("d")),
            area("s2", Some("d")),
            area("c1", Some("s1")),
        ];
        Nesting::new(&areas)
    }

    #[test]
    fn roles_hold_only_in_their_area() {
        let n = nesting();
        let actor = |role, area: &str| Actor {
            user: "ann".into(),
            roles: vec![role],
            area: area.into(),
        };
        let act = Act::DoStep(Role::Caseworker);
        assert!(may(&actor(Role::Caseworker, "s1"), act, "c1", &n).is_ok());
        assert!(matches!(
            may(&actor(Role::Caseworker, "s2"), act, "c1", &n),
            Err(Denied::Area { .. })
        ));
        assert!(matches!(
            may(&actor(Role::Community, "s1"), act, "c1", &n),
            Err(Denied::Role { .. })
        ));
        assert!(may(&actor(Role::Analyst, "d"), Act::See, "c1", &n).is_err());
    }

    #[test]
    fn areas_that_circle_do_not_hang() {
        let area = |code: &str, parent: &str| Area {
            code: code.into(),
            name: String::new(),
            name_en: String::new(),
            parent: Some(parent.into()),
        };
        let n = Nesting::new(&[area("a", "b"), area("b", "a")]);
        assert!(n.contains("b", "a") && !n.contains("x", "a"));
    }
}
