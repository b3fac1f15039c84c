//! temporary
use countersign::*;
fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let t = std::time::Instant::now();
    let source = source::read(&source::Origin::Worktree { folder: dir.into() }).unwrap();
    eprintln!("read {:?}", t.elapsed());
    let m = manifest::parse::parse(&source, &mut Default::default());
    eprintln!("parsed {} {:?}", m.list.len(), t.elapsed());
    let (c, f) = catalog::link(m);
    eprintln!("linked {:?}", t.elapsed());
    let mut p = f.problems;
    let now = jiff::Timestamp::now();
    let folded = request::fold(&c, now, &mut p);
    let (d, more) = desired::expand::expand(&c, &folded, &Default::default(), now);
    eprintln!("expanded {:?}", t.elapsed());
    p.extend(more);
    let mut ds = f.diagnostics;
    ds.extend(p.into_iter().map(|p| p.locate(&source)));
    for d in diagnostic::sorted(ds) {
        println!(
            "{}:{}:{} {} [{}] {} {:?}",
            d.place.file,
            d.place.line,
            d.place.column,
            d.severity.as_str(),
            d.code,
            d.message,
            d.help
        );
    }
    if std::env::args().nth(2).is_some() {
        for p in d.people.values() {
            println!("{} {:?} mail={:?}", p.name, p.state, p.mail);
            if let Some(a) = &p.account {
                println!(
                    "  {} {} {} {:?} {:?} {:?}",
                    a.login,
                    a.upn,
                    a.cn,
                    a.ou,
                    a.attributes,
                    a.groups.keys()
                );
            }
            for (k, e) in &p.entitlements {
                println!(
                    "  - {k} {} {:?} <- {}",
                    e.label,
                    e.fields,
                    e.causes
                        .iter()
                        .map(|c| c.to_string())
                        .collect::<Vec<_>>()
                        .join("; ")
                );
            }
            for x in &p.dropped {
                println!("  x {} {}", x.entitlement, x.reason);
            }
        }
    }
}
