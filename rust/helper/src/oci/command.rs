//! What every command gets, and its one id.

use super::arguments::{Flag, Parsed, parse};
use super::directory::StateRoot;
use super::log::Log;
use super::outcome::CommandError;
use libpod_runtime::ContainerId;

/// What every command gets.
pub struct Globals {
    pub root: StateRoot,
    pub log: Log,
}

/// Parse a command's own words and take exactly one container id from what follows the flags.
pub fn one_id(command: &str, flags: &[Flag], words: &[String]) -> Result<(Parsed, ContainerId), CommandError> {
    let (parsed, rest) = parse(flags, words).map_err(CommandError::new)?;
    match rest {
        [id] => Ok((parsed, id.parse()?)),
        _ => Err(CommandError::new(format!("{command:?} requires exactly 1 argument(s)"))),
    }
}
