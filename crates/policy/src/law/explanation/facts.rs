//! The single facts of a situation that the rules read: where each stands, what it may be instead.

use super::super::edition::Edition;
use super::super::kinds::{Register, which};
use super::super::prelude::{Context, Type, Value};
use super::super::situation::{Record, Situation};
use super::document::Fact;
use crate::outcome::{NodeKind, TraceNode};
use crate::programme::Subject;
use std::sync::Arc;

/// Where one fact stands in a situation.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub base: Base,
    /// For a list of pieces: which one, from 0.
    pub piece: Option<usize>,
    /// For a piece with fields: which one.
    pub field: Option<Arc<str>>,
    /// Type of the value that stands there.
    pub ty: Type,
    /// Is it a day that cannot lie ahead? Nobody is born or dies after the day that is looked at.
    pub past: bool,
    /// What is told of it.
    pub fact: Fact,
}

/// The value that a place lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    Household(usize),
    Member(usize, usize),
    Event,
}

impl Place {
    /// What stands there.
    pub fn get(&self, situation: &Situation) -> Value {
        let whole = match self.base {
            Base::Household(slot) => situation.household.get(slot),
            Base::Member(member, slot) => situation.members.get(member).and_then(|m| m.get(slot)),
            Base::Event => situation.event.as_ref(),
        };
        let whole = whole.cloned().unwrap_or_default();
        let piece = match self.piece {
            None => whole,
            Some(n) => whole
                .as_list()
                .and_then(|l| l.get(n))
                .cloned()
                .unwrap_or_default(),
        };
        match &self.field {
            None => piece,
            Some(name) => piece
                .as_context()
                .and_then(|c| c.get(name))
                .cloned()
                .unwrap_or_default(),
        }
    }

    /// Puts a value there.
    pub fn set(&self, situation: &mut Situation, value: Value) {
        let Some(whole) = self.whole(situation) else {
            return;
        };
        let value = match &self.field {
            None => value,
            Some(name) => {
                let piece = match self.piece {
                    None => Some(&*whole),
                    Some(n) => whole.as_list().and_then(|l| l.get(n)),
                };
                let Some(context) = piece.and_then(Value::as_context) else {
                    return;
                };
                let mut context: Context = context.clone();
                context.set(name.clone(), value);
                Value::Context(Arc::new(context))
            }
        };
        match self.piece {
            None => *whole = value,
            Some(n) => {
                let Some(items) = whole.as_list() else { return };
                let mut items = items.to_vec();
                if let Some(item) = items.get_mut(n) {
                    *item = value;
                }
                *whole = Value::list(items);
            }
        }
    }

    /// Takes the whole piece away.
    pub fn remove(&self, situation: &mut Situation) {
        if let (Some(n), Some(whole)) = (self.piece, self.whole(situation))
            && let Some(items) = whole.as_list()
        {
            let rest = items.iter().enumerate().filter(|(at, _)| *at != n);
            *whole = Value::list(rest.map(|(_, v)| v.clone()).collect());
        }
    }

    fn whole<'s>(&self, situation: &'s mut Situation) -> Option<&'s mut Value> {
        let of = |record: &'s mut Record, slot: usize| record.get_mut(slot);
        match self.base {
            Base::Household(slot) => of(&mut situation.household, slot),
            Base::Member(member, slot) => of(situation.members.get_mut(member)?, slot),
            Base::Event => situation.event.as_mut(),
        }
    }

    /// Is it a piece of a list as a whole?
    pub fn is_piece(&self) -> bool {
        self.piece.is_some() && self.field.is_none()
    }
}

/// The places of one piece of evidence of the trace: itself, or each piece and field of it.
pub(super) fn places(edition: &Edition, node: &TraceNode, situation: &Situation) -> Vec<Place> {
    if node.kind != NodeKind::Evidence {
        return Vec::new();
    }
    let subject = match node.member {
        Some(_) => Subject::Person,
        None => Subject::Household,
    };
    let (base, ty, kind) = match edition.corpus.kinds[which(subject)].get(&node.name) {
        Some(kind) => {
            let base = match node.member {
                Some(member) => Base::Member(member, kind.slot),
                None => Base::Household(kind.slot),
            };
            (base, kind.rule_type(), Some(kind))
        }
        None => {
            let types = edition.corpus.symbols.event.iter().flatten();
            let Some(ty) = types.into_iter().next() else {
                return Vec::new();
            };
            (Base::Event, ty.clone(), None)
        }
    };
    let whole = Place {
        base,
        piece: None,
        field: None,
        fact: Fact {
            kind: node.name.clone(),
            en: kind.map_or_else(|| "event".into(), |k| k.en.clone()),
            member: node.member,
            piece: None,
            field: None,
            ty: ty.to_string(),
            fixed: kind.is_some_and(|k| k.fixed),
        },
        past: kind
            .and_then(|k| k.register)
            .is_some_and(|r| matches!(r, Register::Birth | Register::Death)),
        ty,
    };
    let value = whole.get(situation);
    spread(whole, &value)
}

/// A list becomes its pieces, a context its fields; anything else stays whole.
fn spread(place: Place, value: &Value) -> Vec<Place> {
    match (place.ty.plain().clone(), value) {
        (Type::List(item), Value::List(items)) if place.piece.is_none() => {
            let mut out = Vec::new();
            for (n, piece) in items.iter().enumerate() {
                let mut one = place.clone();
                one.piece = Some(n);
                one.fact.piece = Some(n + 1);
                one.fact.ty = item.to_string();
                one.ty = (*item).clone();
                let inner = matches!(item.plain(), Type::Context(_));
                out.push(one.clone());
                if inner {
                    out.extend(spread(one, piece));
                }
            }
            out
        }
        (Type::Context(fields), Value::Context(_)) => fields
            .fields
            .iter()
            .map(|(name, ty)| {
                let mut one = place.clone();
                one.field = Some(name.clone());
                one.fact.field = Some(name.to_string());
                one.fact.ty = ty.to_string();
                one.ty = ty.clone();
                one
            })
            .collect(),
        _ => vec![place],
    }
}
