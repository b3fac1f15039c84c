//! A plan → its JSON form, and the JSON Schema of that form.

use crate::plan::Plan;
use schemars::generate::SchemaSettings;
use serde_json::{Value as Json, json};

pub(super) fn render(plan: &Plan) -> String {
    // Only a map with keys that are not texts, or a Serialize that fails, can fail: neither is here.
    serde_json::to_string_pretty(plan)
        .map(|text| text + "\n")
        .unwrap_or_default()
}

/// The JSON Schema (draft-07) of a plan's JSON form, as it is published in `schema/plan.json`.
///
/// Every field has a description; one that may be absent in other formats is here always, or null.
pub fn plan_schema() -> Json {
    let settings = SchemaSettings::draft07().for_serialize();
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<Plan>()
        .to_value();
    tidy(&mut schema);
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".into(), json!("Countersign plan"));
    }
    schema
}

/// Describes the one field of an enum's variants as the variant, and leaves out what validators do
/// not know (formats of Rust's numbers).
fn tidy(schema: &mut Json) {
    match schema {
        Json::Array(parts) => parts.iter_mut().for_each(tidy),
        Json::Object(object) => {
            let is_number = object
                .get("format")
                .and_then(Json::as_str)
                .map(|f| f.starts_with("uint"));
            if is_number == Some(true) {
                object.remove("format");
            }
            object.values_mut().for_each(tidy);
            if let Some(Json::Array(variants)) = object.get_mut("oneOf") {
                variants.iter_mut().for_each(describe);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// `{description, properties: {variant: …}}` → the description at the variant, too.
fn describe(variant: &mut Json) {
    let Some(description) = variant.get("description").cloned() else {
        return;
    };
    let Some(Json::Object(fields)) = variant.get_mut("properties") else {
        return;
    };
    for field in fields.values_mut() {
        let Some(object) = field.as_object_mut() else {
            continue;
        };
        if object.contains_key("description") {
            continue;
        }
        // In draft-07 nothing beside a `$ref` is read.
        if let Some(reference) = object.remove("$ref") {
            object.insert("allOf".into(), json!([{ "$ref": reference }]));
        }
        object.insert("description".into(), description.clone());
    }
}
