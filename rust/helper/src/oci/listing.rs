//! `state` and `list`: what containers there are, and what they do.

use super::arguments::{Flag, parse};
use super::command::{Globals, one_id};
use super::log;
use super::outcome::{CommandError, Outcome};
use super::record::{Found, RecordedContainer, Status};
use libpod_runtime::ContainerId;

impl RecordedContainer {
    /// Who made it: a name only for root, whose number is the same everywhere.
    fn owner(&self) -> String {
        match self.home.owner() {
            Some(0) => "root".into(),
            Some(uid) => format!("#{uid}"),
            None => String::new(),
        }
    }

    fn json(&self, owner: &str) -> serde_json::Value {
        let status = self.status();
        let record = &self.record;
        let mut value = serde_json::json!({
            "ociVersion": record.oci_version,
            "id": record.id,
            "pid": if status == Status::Stopped { 0 } else { record.pid },
            "status": status.text(),
            "bundle": record.bundle,
            "rootfs": record.rootfs,
            "created": record.created,
        });
        if !record.annotations.is_empty() {
            value["annotations"] = serde_json::json!(record.annotations);
        }
        value["owner"] = owner.into();
        value
    }
}

/// `state ID`
pub fn state(globals: &Globals, words: &[String]) -> Outcome {
    let (_, id) = one_id("state", &[], words)?;
    let value = RecordedContainer::load(globals, &id)?.json("");
    let text = serde_json::to_string_pretty(&value).map_err(|error| CommandError::new(error.to_string()))?;
    log::print(&text);
    log::print("\n");
    Ok(0)
}

/// `list [-q] [-f table|json]`
pub fn list(globals: &Globals, words: &[String]) -> Outcome {
    const FLAGS: &[Flag] = &[Flag::text("format").short('f'), Flag::switch("quiet").short('q')];
    let (parsed, _) = parse(FLAGS, words).map_err(CommandError::new)?;
    let containers: Vec<RecordedContainer> =
        globals.root.names()?.iter().filter_map(|name| read_listed(globals, name)).collect();
    if parsed.has("quiet") {
        containers.iter().for_each(|container| log::print(&format!("{}\n", container.record.id)));
        return Ok(0);
    }
    match parsed.last("format").unwrap_or("table") {
        "json" => {
            let values: Vec<_> = containers.iter().map(|container| container.json(&container.owner())).collect();
            log::print(&format!("{}\n", serde_json::Value::from(values)));
        }
        "table" => print_table(&containers),
        _ => return Err(CommandError::new("invalid format option")),
    }
    Ok(0)
}

/// The container of this entry of the state root. One that cannot be read is named in a warning: the others are listed.
fn read_listed(globals: &Globals, name: &str) -> Option<RecordedContainer> {
    let warn = |reason: &str| globals.log.warn(&format!("load container {name}: {reason}"));
    let id = name.parse::<ContainerId>().map_err(|error| warn(&error.to_string())).ok()?;
    match RecordedContainer::find(globals, &id) {
        Ok(Found::Recorded(container)) => return Some(container),
        Ok(Found::Unrecorded(_)) => warn(
            "it has no record: it is being created or deleted; `delete --force` removes it if that command was killed",
        ),
        // Removed since the root was read.
        Ok(Found::Nothing) => {}
        Err(failure) => warn(&failure.text),
    }
    None
}

fn print_table(containers: &[RecordedContainer]) {
    let mut rows = vec![["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"].map(str::to_owned)];
    for container in containers {
        let record = &container.record;
        let status = container.status();
        let pid = if status == Status::Stopped { 0 } else { record.pid };
        let bundle = record.bundle.display().to_string();
        rows.push([
            record.id.to_string(),
            pid.to_string(),
            status.to_string(),
            bundle,
            record.created.clone(),
            container.owner(),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0).max(9) + 3;
    let widths: Vec<usize> = (0..5).map(width).collect();
    for row in &rows {
        let cells: String = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        log::print(&format!("{cells}{}\n", row[5]));
    }
}
