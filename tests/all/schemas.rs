//! The published schemas are those of the types.

use countersign::cli::schema;
use std::path::Path;

#[test]
fn the_published_schemas_are_not_stale() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    let bless = std::env::var_os("BLESS").is_some();
    let all = schema::all();
    for (name, value) in &all {
        let path = folder.join(name);
        let text = schema::text(value);
        if bless {
            std::fs::write(&path, &text).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            published, text,
            "{name} is stale: run `BLESS=1 cargo test schemas`"
        );
    }
    let files = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(
        files,
        all.len(),
        "schema/ holds a file that no type stands behind"
    );
}
