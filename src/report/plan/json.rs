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
pub(in crate::report) fn tidy(schema: &mut Json) {
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

#[cfg(test)]
mod tests {
    use super::super::cast;
    use super::*;

    fn valid(plan: &Json) -> Result<(), String> {
        let schema = plan_schema();
        let validator = jsonschema::draft7::new(&schema).unwrap();
        validator
            .validate(plan)
            .map_err(|error| format!("{error} at {}", error.instance_path()))
    }

    #[test]
    fn a_plan_is_its_json_and_the_schema_knows_it() {
        for plan in [cast::rich(), cast::hostile(), cast::nothing()] {
            let text = render(&plan);
            let read: Plan = serde_json::from_str(&text).unwrap();
            assert_eq!(read, plan);
            assert_eq!(render(&read), text);
            valid(&serde_json::from_str(&text).unwrap()).unwrap();
        }
        jsonschema::draft7::meta::validate(&plan_schema()).unwrap();
    }

    #[test]
    fn the_schema_refuses_what_is_no_plan() {
        let plan = serde_json::to_value(cast::rich()).unwrap();
        for (pointer, wrong) in [
            ("/instant", json!(5)),
            ("/formatVersion", json!(-1)),
            ("/changes/0/action", json!("delete")),
            ("/changes/0/write", json!({ "delete": {} })),
            ("/changes/0/write", json!({})),
            ("/changes/0/user", json!("Kim Lee")),
            ("/changes/0/fields/0/after/0", json!({ "base64": 1 })),
            ("/tasks/0/step", json!(null)),
            ("/guards/0", json!({})),
        ] {
            let mut changed = plan.clone();
            *changed.pointer_mut(pointer).unwrap() = wrong;
            assert!(valid(&changed).is_err(), "{pointer}");
            assert!(
                serde_json::from_value::<Plan>(changed).is_err(),
                "{pointer}"
            );
        }
        let mut more = plan.clone();
        more["more"] = json!(1);
        assert!(valid(&more).is_err());
    }

    #[test]
    fn everything_in_the_schema_is_described() {
        fn walk(schema: &Json, path: &str, bare: &mut Vec<String>) {
            match schema {
                Json::Object(object) => {
                    for place in ["properties", "definitions"] {
                        let fields = object.get(place).and_then(Json::as_object);
                        for (name, field) in fields.into_iter().flatten() {
                            let text = field.get("description").and_then(Json::as_str);
                            if text.is_none_or(str::is_empty) {
                                bare.push(format!("{path}/{name}"));
                            }
                        }
                    }
                    for (name, inner) in object {
                        walk(inner, &format!("{path}/{name}"), bare);
                    }
                }
                Json::Array(parts) => parts.iter().for_each(|part| walk(part, path, bare)),
                Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
            }
        }
        let mut bare = Vec::new();
        walk(&plan_schema(), "", &mut bare);
        assert_eq!(bare, [""; 0]);
        assert!(!plan_schema().to_string().contains("uint"));
    }
}
