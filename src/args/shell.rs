//! What is generated from the definitions of the command line: scripts for shells, the manual page.

use std::io;

use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;

/// The script with which this shell completes the command line of papo.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "papo", &mut script);
    script
}

/// The manual page, in roff: papo, then each of its commands.
///
/// # Errors
/// None that is known: it writes to memory.
pub fn manual() -> io::Result<Vec<u8>> {
    let mut papo = Cli::command();
    papo.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(papo.clone()).render(&mut page)?;
    for command in papo.get_subcommands().filter(|it| it.get_name() != "help") {
        let man = clap_mangen::Man::new(command.clone());
        let heading = format!(".SH \"PAPO {}\"\n", command.get_name().to_uppercase());
        page.extend_from_slice(heading.as_bytes());
        for render in [
            clap_mangen::Man::render_synopsis_section,
            clap_mangen::Man::render_description_section,
            clap_mangen::Man::render_options_section,
        ] {
            render(&man, &mut page)?;
        }
    }
    Ok(page)
}
