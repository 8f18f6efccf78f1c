//! `make-lab FOLDER`: makes the sample lab in a folder and says what it does. The window's first page does the
//! same without this program.

use leeward_lab::{LabSpec, make};
use leeward_model::Message;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let (Some(root), None) = (words.next().filter(|w| !w.to_string_lossy().starts_with('-')), words.next())
    else {
        eprintln!("make-lab FOLDER");
        return ExitCode::from(2);
    };
    let root = PathBuf::from(root);
    let made = make(&LabSpec::default(&root), &mut |progress| {
        println!("[{}/{}] {}", progress.done + 1, progress.of, progress.what.render());
    });
    match made {
        Ok(lab) => {
            println!(
                "{}",
                Message::new("lab-made").with("folder", lab.root().display().to_string()).render()
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}", error.fault());
            ExitCode::FAILURE
        }
    }
}
