//! What people do in the directory without asking anybody.

use super::story::Hand;
use crate::bed::PASSWORD;
use countersign::connector::{
    At, AttributeName, Attributes, Failure, Modification, ModificationKind, NextLogOn, Transport,
    Value,
};
use countersign::dn::Dn;

/// Does it.
pub fn does(hand: &Hand, directory: &mut dyn Transport) -> Result<(), String> {
    let dn = Dn::parse(&hand.at).map_err(|e| e.to_string())?;
    let done = done(hand, &dn, directory);
    done.map_err(|failure| format!("by hand at {}: {failure}", hand.at))
}

fn done(hand: &Hand, dn: &Dn, directory: &mut dyn Transport) -> Result<(), Failure> {
    if let Some(class) = &hand.new {
        let mut attributes: Attributes = all(&hand.set).collect();
        attributes.insert("objectClass".into(), vec![class.as_str().into()]);
        return directory.add(dn, &attributes);
    }
    let at = At::Dn(dn.clone());
    let mut steps = Vec::new();
    for (attribute, values) in all(&hand.set) {
        let entry = directory.read(&at, std::slice::from_ref(&attribute))?;
        let before = entry.and_then(|mut entry| entry.attributes.remove(&attribute));
        steps.extend(before.map(|values| step(ModificationKind::Delete, &attribute, values)));
        if !values.is_empty() {
            steps.push(step(ModificationKind::Add, &attribute, values));
        }
    }
    for (attribute, values) in all(&hand.take) {
        steps.push(step(ModificationKind::Delete, &attribute, values));
    }
    for (attribute, values) in all(&hand.add) {
        steps.push(step(ModificationKind::Add, &attribute, values));
    }
    if !steps.is_empty() {
        directory.modify(&at, &steps)?;
    }
    if hand.own_password {
        directory.set_password(&at, &PASSWORD.into(), NextLogOn::Keep)?;
    }
    let to = hand.to.as_deref().and_then(|to| Dn::parse(to).ok());
    match to.as_ref().and_then(|to| Some((to.rdn(), to.parent()?))) {
        Some((rdn, parent)) => directory.rename(dn, &rdn, &parent),
        None => Ok(()),
    }
}

type Values = std::collections::BTreeMap<String, Vec<String>>;

fn all(values: &Values) -> impl Iterator<Item = (AttributeName, Vec<Value>)> {
    values.iter().map(|(name, values)| {
        let values = values.iter().map(|value| value.as_str().into());
        (AttributeName::new(name.as_str()), values.collect())
    })
}

fn step(
    operation: ModificationKind,
    attribute: &AttributeName,
    values: Vec<Value>,
) -> Modification {
    Modification {
        operation,
        attribute: attribute.clone(),
        values,
    }
}
