//! Evaluation of a program: values of elements on demand, each once.

use super::compile::{Kind, Program};
use crate::feel::ast::Function;
use crate::feel::eval::{Eval, EvalError, Fault, Host, Machine};
use crate::feel::scope::Mode;
use crate::feel::temporal::DateTime;
use crate::feel::types::Type;
use crate::feel::value::{Context, Value};
use std::cell::RefCell;
use std::sync::Arc;

/// Values of input data (and of decisions that the caller supplies), by name.
pub type Inputs = Vec<(String, Value)>;

struct Run<'p> {
    program: &'p Program,
    known: RefCell<Vec<Option<Value>>>,
    running: RefCell<Vec<bool>>,
    now: Option<DateTime>,
}

impl Program {
    /// The value of a decision (or input, or knowledge model as a function) of the main model.
    /// `now` is what `now()` and `today()` give. Errors when there is no such element or a limit of
    /// evaluation is met; what the standard turns into null is null.
    pub fn evaluate(
        &self,
        name: &str,
        inputs: &Inputs,
        now: Option<DateTime>,
    ) -> Result<Value, EvalError> {
        self.evaluate_noting(name, inputs, now).0
    }

    /// [`Program::evaluate`], and whether an external function was refused on the way.
    pub(super) fn evaluate_noting(
        &self,
        name: &str,
        inputs: &Inputs,
        now: Option<DateTime>,
    ) -> (Result<Value, EvalError>, bool) {
        let Some(slot) = self.slot(name) else {
            let fault = Fault::Host(format!("the model has no element called `{name}`"));
            return (
                Err(EvalError {
                    span: Default::default(),
                    fault,
                }),
                false,
            );
        };
        let mut machine = Machine::new(Mode::Lenient);
        let value = match self.start(inputs, now) {
            Ok(run) => run.value(&mut machine, slot).map_err(|e| *e),
            Err(error) => Err(error),
        };
        let value = value.and_then(|value| match value.fits(1_000_000) {
            true => Ok(value),
            false => Err(EvalError {
                span: Default::default(),
                fault: Fault::TooLarge,
            }),
        });
        (value, machine.refused_external())
    }

    /// Calls a decision service with its parameters by name.
    pub fn call_service(
        &self,
        name: &str,
        inputs: &Inputs,
        now: Option<DateTime>,
    ) -> Result<Value, EvalError> {
        self.call_service_noting(name, inputs, now).0
    }

    pub(super) fn call_service_noting(
        &self,
        name: &str,
        inputs: &Inputs,
        now: Option<DateTime>,
    ) -> (Result<Value, EvalError>, bool) {
        let mut machine = Machine::new(Mode::Lenient);
        let value = self.call_service_on(&mut machine, name, inputs, now);
        (value, machine.refused_external())
    }

    fn call_service_on(
        &self,
        machine: &mut Machine,
        name: &str,
        inputs: &Inputs,
        now: Option<DateTime>,
    ) -> Result<Value, EvalError> {
        let slot = self.slot(name);
        let Some(Kind::Service { params, .. }) = slot.map(|s| &self.elements[s as usize].kind)
        else {
            let fault = Fault::Host(format!("the model has no decision service called `{name}`"));
            return Err(EvalError {
                span: Default::default(),
                fault,
            });
        };
        let run = self.empty(now);
        let args = params.iter().map(|(param, _)| {
            inputs
                .iter()
                .find(|(n, _)| **n == **param)
                .map(|(_, v)| v.clone())
                .unwrap_or_default()
        });
        let args: Vec<Value> = args.collect();
        let function = run
            .value(machine, slot.unwrap_or_default())
            .map_err(|e| *e)?;
        machine.call(&run, &function, args).map_err(|e| *e)
    }

    fn start(&self, inputs: &Inputs, now: Option<DateTime>) -> Result<Run<'_>, EvalError> {
        let run = self.empty(now);
        let mut machine = Machine::new(Mode::Lenient);
        for (name, value) in inputs {
            if let Some(slot) = self.slot(name) {
                let ty = &self.elements[slot as usize].ty;
                let fitted = machine.conform(&run, value.clone(), ty).map_err(|e| *e)?;
                run.known.borrow_mut()[slot as usize] = Some(fitted.unwrap_or_default());
            }
        }
        // Inputs of imported models are supplied under their own names.
        for (slot, element) in self.elements.iter().enumerate() {
            if let (Kind::Input, Some((_, value))) = (
                &element.kind,
                inputs.iter().find(|(n, _)| **n == *element.name),
            ) && run.known.borrow()[slot].is_none()
            {
                let fitted = machine
                    .conform(&run, value.clone(), &element.ty)
                    .map_err(|e| *e)?;
                run.known.borrow_mut()[slot] = Some(fitted.unwrap_or_default());
            }
        }
        Ok(run)
    }

    fn empty(&self, now: Option<DateTime>) -> Run<'_> {
        let count = self.elements.len();
        Run {
            program: self,
            known: RefCell::new(vec![None; count]),
            running: RefCell::new(vec![false; count]),
            now,
        }
    }
}

impl Host for Run<'_> {
    fn value(&self, machine: &mut Machine, slot: u32) -> Eval {
        let at = slot as usize;
        if let Some(value) = &self.known.borrow()[at] {
            return Ok(value.clone());
        }
        let element = &self.program.elements[at];
        let value = match &element.kind {
            Kind::Input | Kind::Decision(None) => Value::Null,
            Kind::Decision(Some(expr)) => {
                if std::mem::replace(&mut self.running.borrow_mut()[at], true) {
                    // A decision that needs itself has no value.
                    return Ok(Value::Null);
                }
                let value = machine.run(self, expr, &[]);
                self.running.borrow_mut()[at] = false;
                machine
                    .conform(self, value?, &element.ty)?
                    .unwrap_or_default()
            }
            Kind::Knowledge(closure) => {
                Value::Function(Arc::new(Function::Closure(closure.clone(), Arc::from([]))))
            }
            Kind::Service { params, .. } => Value::Function(Arc::new(Function::Host {
                slot,
                params: params.clone(),
            })),
        };
        self.known.borrow_mut()[at] = Some(value.clone());
        Ok(value)
    }

    fn call(&self, machine: &mut Machine, slot: u32, args: Vec<Value>) -> Eval {
        let element = &self.program.elements[slot as usize];
        let Kind::Service {
            outputs, inputs, ..
        } = &element.kind
        else {
            return Ok(Value::Null);
        };
        let inner = self.program.empty(self.now);
        for (input, value) in inputs.iter().zip(args) {
            inner.known.borrow_mut()[*input as usize] = Some(value);
        }
        let value = match outputs.as_slice() {
            [single] => inner.value(machine, *single)?,
            many => {
                let mut context = Context::new();
                for output in many {
                    let name = self.program.elements[*output as usize].name.clone();
                    context.set(name, inner.value(machine, *output)?);
                }
                Value::Context(Arc::new(context))
            }
        };
        match &element.ty {
            Type::Function(function) => Ok(machine
                .conform(self, value, &function.result)?
                .unwrap_or_default()),
            _ => Ok(value),
        }
    }

    fn now(&self) -> Option<DateTime> {
        self.now
    }
}
