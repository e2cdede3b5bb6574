//! What `/help` answers: a list that fits a screen, or one command with an example. Pure.

use serde_json::json;

use super::{
    command::{COMMANDS, Spec},
    replies::{Reply, align},
};

/// `/help`
pub fn help(spec: Option<&Spec>) -> Reply {
    if let Some(Spec {
        name,
        arguments,
        summary,
        example,
    }) = spec
    {
        let usage = format!("/{name} {arguments}");
        let lines = vec![
            usage.trim_end().to_owned(),
            (*summary).to_owned(),
            format!("for example: {example}"),
        ];
        let data =
            json!({"name": name, "arguments": arguments, "summary": summary, "example": example});
        return Reply::lines(lines).with(data);
    }
    let mut lines = align(&help_rows());
    lines.push("Plain lines go to everyone, or where /to says; //text begins with a slash.".into());
    let names: Vec<&str> = COMMANDS.iter().map(|spec| spec.name).collect();
    Reply::lines(lines).with(json!({ "commands": names }))
}

/// The list of `/help`: a command and the one that takes it back share a row.
fn help_rows() -> Vec<[String; 2]> {
    let undone = |spec: &&Spec| {
        let taken_back = spec.name.strip_prefix("un");
        taken_back.is_none_or(|name| COMMANDS.iter().all(|it| it.name != name))
    };
    let row = |spec: &Spec| {
        let undo = format!("un{}", spec.name);
        let name = match COMMANDS.iter().any(|it| it.name == undo) {
            true => format!("/{}, /{undo}", spec.name),
            false => format!("/{} {}", spec.name, spec.arguments),
        };
        [name, spec.summary.to_owned()]
    };
    COMMANDS.iter().filter(undone).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_fits_a_screen_of_24_rows_and_80_columns_and_names_every_command() {
        let reply = help(None);
        // One row each for the typed command, the status and the prompt.
        assert!(reply.lines.len() <= 24 - 3, "{}", reply.lines.len());
        for line in reply.text().lines() {
            assert!(line.chars().count() < 80, "{line}");
        }
        for spec in COMMANDS {
            assert!(reply.text().contains(&format!("/{}", spec.name)));
            let one = help(Some(spec)).text();
            assert!(one.contains(&format!("for example: {}", spec.example)));
            assert!(one.lines().all(|line| line.chars().count() < 80), "{one}");
        }
    }
}
