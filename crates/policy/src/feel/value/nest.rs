//! Values within values, let go without recursion: a loop can nest a million lists, and dropping them
//! one within the other would overflow the stack.

use super::{Context, Value};
use crate::feel::ast::Function;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// The items of a list.
#[derive(Clone, Debug, Default)]
pub struct Items(Vec<Value>);

impl Items {
    /// These items.
    pub fn new(items: Vec<Value>) -> Items {
        Items(items)
    }
}

impl Deref for Items {
    type Target = Vec<Value>;
    fn deref(&self) -> &Vec<Value> {
        &self.0
    }
}

impl DerefMut for Items {
    fn deref_mut(&mut self) -> &mut Vec<Value> {
        &mut self.0
    }
}

/// May it hold further values?
fn nests(value: &Value) -> bool {
    matches!(
        value,
        Value::List(_) | Value::Context(_) | Value::Range(_) | Value::Function(_)
    )
}

impl Drop for Items {
    fn drop(&mut self) {
        if self.0.iter().any(nests) {
            let_go(std::mem::take(&mut self.0));
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if self.entries.iter().any(|(_, value)| nests(value)) {
            let_go(self.entries.drain(..).map(|(_, value)| value).collect());
        }
    }
}

/// Drops values; what they alone hold is taken out of them first.
fn let_go(mut open: Vec<Value>) {
    while let Some(value) = open.pop() {
        match value {
            Value::List(items) => {
                if let Some(mut items) = Arc::into_inner(items) {
                    open.append(&mut items.0);
                }
            }
            Value::Context(context) => {
                if let Some(mut context) = Arc::into_inner(context) {
                    open.extend(context.entries.drain(..).map(|(_, value)| value));
                }
            }
            Value::Range(range) => {
                if let Some(range) = Arc::into_inner(range) {
                    open.extend([range.low, range.high]);
                }
            }
            Value::Function(function) => {
                if let Some(Function::Closure(_, mut captured)) = Arc::into_inner(function)
                    && let Some(captured) = Arc::get_mut(&mut captured)
                {
                    open.extend(captured.iter_mut().map(std::mem::take));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_lists_within_each_other_are_let_go() {
        let mut list = Value::Null;
        let mut context = Value::Null;
        for _ in 0..100_000 {
            list = Value::list(vec![list]);
            let entry = [(Arc::from("a"), context)];
            context = Value::Context(Arc::new(entry.into_iter().collect()));
        }
        assert_eq!(list.equals(&Value::list(vec![])), Some(false));
        assert!(!list.fits(1_000_000_000));
        drop((list, context));
    }
}
