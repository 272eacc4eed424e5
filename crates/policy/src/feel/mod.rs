//! FEEL, the expression language of DMN: reading, checking, evaluating.
//!
//! Decides: what an expression means, in the strict mode of law files and the lenient one of the
//! standard; its type and unit; its value.
//! Never: knows where a name's value comes from (a [`eval::Host`] supplies it), a clock, or a file.
//! Entrance: [`parser::parse_expression`] with a [`scope::Scope`], then [`eval::Machine::run`].
//! Invariants: no input makes it panic, overflow the stack or run without end.
//! Answers to: OMG DMN 1.5, chapter 10; `docs/law-format.md` for strict mode.

pub mod ast;
pub mod builtin;
pub mod diagnostic;
pub mod eval;
pub mod layout;
mod lexer;
pub mod number;
pub mod parser;
pub mod print;
pub mod reference;
pub mod scope;
pub mod table;
pub mod temporal;
pub mod types;
mod typing;
pub mod value;

#[cfg(test)]
mod tests;
