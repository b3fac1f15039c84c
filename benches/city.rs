//! A number of users → a city: an access repository of one commit, the directory that (but for
//! twenty differences) agrees with it, the ledger of its adoption, and an operator's file.
//!
//! `cargo run --release --example city -- DIR [--users 10000] [--base DC=city,DC=example]` writes
//! DIR/access, DIR/directory.ldif, DIR/ledger.jsonl and DIR/operator.yaml. The same arguments give
//! the same city, byte for byte. Its plans are made [`AT`] an instant, so that they stay the same.

// The paths are the same whether this is a program or, in the tests, a module.
#[path = "city/directory.rs"]
pub mod directory;
#[path = "city/manifests.rs"]
pub mod manifests;
#[path = "city/model.rs"]
pub mod model;
#[path = "city/record.rs"]
pub mod record;

use countersign::author::file;
use countersign::source::commit::{Author, Writer};
use model::City;
use std::error::Error;
use std::path::Path;

/// The instant that plans of the city are made for.
pub const AT: &str = "2027-01-11T08:00";
/// The instant at which its ledger was begun, a week before.
pub const ADOPTED: &str = "2027-01-04T13:00:00Z";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut folder = None;
    let (mut users, mut base) = (10_000, "DC=city,DC=example".to_owned());
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--users" => users = value()?.parse()?,
            "--base" => base = value()?,
            _ => folder = Some(argument),
        }
    }
    let folder = folder.ok_or("usage: city DIR [--users 10000] [--base DC=city,DC=example]")?;
    let city = City::new(users, &base);
    write(&city, Path::new(&folder))?;
    println!("{}", city.summary());
    Ok(())
}

/// Writes a city into a folder that is not there yet.
///
/// # Errors
/// When something cannot be written.
pub fn write(city: &City, folder: &Path) -> Result<(), Box<dyn Error>> {
    let access = folder.join("access");
    for (name, text) in manifests::files(city) {
        file(&access, &name, text.as_bytes())?;
    }
    let author = Author {
        name: "City Clerk",
        mail: "clerk@city.example",
        at: ADOPTED.parse()?,
    };
    let commit = Writer::init(&access)?.commit("The city as it is today", &author)?;
    file(folder, "directory.ldif", directory::ldif(city).as_bytes())?;
    record::write(city, &commit, &folder.join("ledger.jsonl"))?;
    let place = std::path::absolute(folder)?;
    let operator = manifests::operator(city, &place.display().to_string());
    file(folder, "operator.yaml", operator.as_bytes())?;
    Ok(())
}
