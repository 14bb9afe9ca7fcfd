//! An event, read by one parameter after the other.

use proto::socket::{ArgError, Args};
use serde::de::DeserializeOwned;

use super::{Data, EventName, Rest};
use crate::error::Cause;
use crate::handler::Trouble;

/// The name of an event, and its arguments from the next one on that a parameter takes.
pub(crate) struct EventReader<'a> {
    name: &'a str,
    args: &'a Args<'a>,
    next: usize,
}

impl<'a> EventReader<'a> {
    pub(crate) fn new(name: &'a str, args: &'a Args<'a>) -> Self {
        Self { name, args, next: 0 }
    }

    pub(crate) fn name(&self) -> EventName {
        EventName(self.name.to_owned())
    }

    /// The next argument, as any type.
    pub(crate) fn take<T: DeserializeOwned>(&mut self) -> Result<T, Trouble> {
        let index = self.pass();
        Ok(self.args.get(index).map_err(Cause::Arguments)?)
    }

    /// The next argument as it came.
    pub(crate) fn take_data(&mut self) -> Result<Data, Trouble> {
        let index = self.pass();
        Ok(Data::of(self.args, index).ok_or(Cause::Arguments(ArgError::Missing { index }))?)
    }

    /// All arguments that are left, as they came.
    pub(crate) fn take_rest(&mut self) -> Rest {
        let rest = self.next..self.args.len();
        self.next = self.args.len();
        Rest(rest.filter_map(|index| Data::of(self.args, index)).collect())
    }

    fn pass(&mut self) -> usize {
        let index = self.next;
        self.next += 1;
        index
    }
}
