//! A repository → the schemas that its manifests' first lines name: those of the kinds, with every
//! reference listed by name, so that an editor completes and explains it and underlines what is none.
//!
//! Decision: users are offered, not required. Who is hired by a request is a user from the day it is
//! merged, and neither makes a schema stale nor is underlined. Everything else is declared by a manifest
//! that administrators write, and whoever adds one runs `countersign ci generate`.

use super::SCHEMAS;
use super::ci::Generated;
use crate::catalog::{Catalog, Linked};
use crate::manifest::resource::ResourceType;
use crate::manifest::schema::{file_name, marked, schema};
use crate::manifest::{Kind, ResourceSpec};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

/// Most users that are offered; with more of them the schemas change too often and grow too long.
const MOST_USERS: usize = 3_000;

/// Writes the schemas of the kinds into a new repository.
///
/// # Errors
/// When one cannot be written.
pub fn begin(folder: &Path) -> io::Result<()> {
    for kind in Kind::ALL {
        let name = format!("{SCHEMAS}/{}", file_name(kind));
        super::file(folder, &name, text(&schema(kind)).as_bytes())?;
    }
    Ok(())
}

/// The schemas with the names of a repository, below a folder of it.
pub fn generated(catalog: &Catalog, folder: &str) -> Vec<Generated> {
    let names = Names::of(catalog);
    let generated = |kind: Kind| Generated {
        path: match folder {
            "." => file_name(kind),
            folder => format!("{folder}/{}", file_name(kind)),
        },
        text: text(&names.listed(kind)),
    };
    Kind::ALL.into_iter().map(generated).collect()
}

/// Whether a text is a schema of ours, with names or without.
pub fn is_ours(text: &str) -> bool {
    let Ok(schema) = serde_json::from_str::<Json>(text) else {
        return false;
    };
    let title = schema.get("title").and_then(Json::as_str);
    title.is_some_and(|title| title.starts_with("Countersign "))
}

fn text(schema: &Json) -> String {
    let mut text = serde_json::to_string_pretty(schema).unwrap_or_default();
    text.push('\n');
    text
}

/// The names of a repository, each list as a definition of a schema, by the definition's name.
struct Names(BTreeMap<&'static str, Json>);

impl Names {
    fn of(catalog: &Catalog) -> Self {
        fn listed<N: AsRef<str>, S>(
            shelf: &BTreeMap<N, Linked<S>>,
            display: fn(&S) -> Option<&String>,
        ) -> Vec<(&str, &str)> {
            shelf
                .iter()
                .map(|(name, linked)| {
                    let display = display(&linked.spec);
                    (name.as_ref(), display.map_or("", String::as_str))
                })
                .collect()
        }
        let resources = listed(&catalog.resources, |r: &ResourceSpec| {
            r.display_name.as_ref()
        });
        let software = catalog.resources.iter();
        let software = software.filter(|(_, r)| r.spec.kind == ResourceType::Software);
        let software = software.map(|(name, r)| {
            let display = r.spec.display_name.as_deref();
            (name.as_str(), display.unwrap_or_default())
        });
        let lists = [
            (
                "organizations",
                listed(&catalog.organizations, |o| o.display_name.as_ref()),
            ),
            (
                "profiles",
                listed(&catalog.profiles, |p| p.display_name.as_ref()),
            ),
            ("resources", resources),
            ("roles", listed(&catalog.roles, |r| r.display_name.as_ref())),
            (
                "scopes",
                listed(&catalog.scopes, |s| s.display_name.as_ref()),
            ),
            ("software", software.collect()),
        ];
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        let mut all: BTreeMap<&'static str, Json> =
            lists.map(|(name, list)| (name, choices(&list))).collect();
        let users = users(catalog);
        if !users.is_empty() && users.len() <= MOST_USERS {
            let users: Vec<(&str, &str)> = users.iter().map(|(n, d)| (*n, d.as_str())).collect();
            all.insert("users", choices(&users));
        }
        let levels = catalog.resources.iter().map(|(name, r)| {
            let then = json!({"level": choices(&levels(&r.spec))});
            where_resource(name.as_str(), then)
        });
        all.insert("levels", json!({"allOf": levels.collect::<Vec<_>>()}));
        let types = catalog.resources.iter().filter_map(|(name, r)| {
            let rules = r.spec.identities.as_ref()?;
            let types = rules.types.iter().map(|t| {
                let display = t.display_name.as_deref();
                (t.name.as_str(), display.unwrap_or_default())
            });
            let then = json!({"type": choices(&types.collect::<Vec<_>>())});
            Some(where_resource(name.as_str(), then))
        });
        all.insert("identityTypes", json!({"allOf": types.collect::<Vec<_>>()}));
        Self(all)
    }

    /// The schema of a kind, with the names in it.
    fn listed(&self, kind: Kind) -> Json {
        let mut schema = marked(kind);
        let mut used = BTreeSet::new();
        self.list(&mut schema, "", &mut used);
        let used = used.into_iter().filter_map(|name| {
            let definition = self.0.get(name)?.clone();
            Some((name.to_owned(), definition))
        });
        let definitions: Map<String, Json> = used.collect();
        if let Some(root) = schema.as_object_mut()
            && !definitions.is_empty()
        {
            root.insert("definitions".into(), Json::Object(definitions));
        }
        schema
    }

    /// Lists the names in a part of a schema; `field` is the field it describes.
    fn list(&self, schema: &mut Json, field: &str, used: &mut BTreeSet<&'static str>) {
        let object = match schema {
            Json::Object(object) => object,
            Json::Array(parts) => {
                parts
                    .iter_mut()
                    .for_each(|part| self.list(part, field, used));
                return;
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => return,
        };
        self.depend(object, used);
        if field == "scopes" {
            self.keys(object);
        }
        for (key, value) in object.iter_mut() {
            match (key.as_str(), value) {
                ("properties" | "patternProperties", Json::Object(fields)) => {
                    for (name, part) in fields {
                        self.list(part, name, used);
                    }
                }
                ("items" | "anyOf" | "allOf", part) => self.list(part, field, used),
                _ => {}
            }
        }
        let Some(mark) = object.get("$comment").and_then(Json::as_str) else {
            return;
        };
        let list = match mark {
            "organization name" => "organizations",
            "profile name" => "profiles",
            "resource name" if field == "software" => "software",
            "resource name" => "resources",
            "role name" => "roles",
            "scope name" => "scopes",
            "user name" => "users",
            _ => "",
        };
        object.remove("$comment");
        let Some((list, _)) = self.0.get_key_value(list) else {
            return;
        };
        used.insert(list);
        let reference = json!({"$ref": format!("#/definitions/{list}")});
        if *list != "users" {
            object.insert("allOf".into(), json!([reference]));
            return;
        }
        let free = json!({"type": "string", "pattern": object.remove("pattern")});
        object.insert("anyOf".into(), json!([reference, free]));
    }

    /// Where a resource stands beside a level or an identity type, that must be one of the resource's.
    fn depend(&self, object: &mut Map<String, Json>, used: &mut BTreeSet<&'static str>) {
        let names = |key: &str| {
            let property = object.get("properties")?.get(key)?;
            property.get("$comment").and_then(Json::as_str)
        };
        if names("resource") != Some("resource name") {
            return;
        }
        let mut rules = Vec::new();
        for (key, mark, list) in [
            ("level", "level name", "levels"),
            ("type", "identity type", "identityTypes"),
        ] {
            let known = self.0.get(list).and_then(|l| l["allOf"].as_array());
            if names(key) == Some(mark) && known.is_some_and(|known| !known.is_empty()) {
                used.insert(list);
                rules.push(json!({"$ref": format!("#/definitions/{list}")}));
            }
        }
        if !rules.is_empty() {
            object.insert("allOf".into(), Json::Array(rules));
        }
    }

    /// Where the keys of a mapping are scopes, they are those there are.
    fn keys(&self, object: &mut Map<String, Json>) {
        let Some(scopes) = self.0.get("scopes") else {
            return;
        };
        let Some(Json::Object(patterns)) = object.get("patternProperties") else {
            return;
        };
        let Some(values) = patterns.values().next().cloned() else {
            return;
        };
        let names = scopes["enum"].as_array().into_iter().flatten();
        let words = scopes["enumDescriptions"].as_array().into_iter().flatten();
        let keys = names.zip(words).filter_map(|(name, words)| {
            let mut values = values.clone();
            if let (Some(values), Some(words)) = (values.as_object_mut(), words.as_str())
                && !words.is_empty()
            {
                values.insert("description".into(), json!(words));
            }
            Some((name.as_str()?.to_owned(), values))
        });
        let keys: Map<String, Json> = keys.collect();
        object.remove("patternProperties");
        object.insert("properties".into(), Json::Object(keys));
        object.insert("additionalProperties".into(), json!(false));
    }
}

/// A text that is one of these; each with what people call it.
fn choices(list: &[(&str, &str)]) -> Json {
    let names: Vec<&str> = list.iter().map(|(name, _)| *name).collect();
    let words: Vec<&str> = list.iter().map(|(_, words)| *words).collect();
    match words.iter().all(|words| words.is_empty()) {
        true => json!({"type": "string", "enum": names, "enumDescriptions": names}),
        false => json!({"type": "string", "enum": names, "enumDescriptions": words}),
    }
}

fn where_resource(name: &str, then: Json) -> Json {
    json!({
        "if": {"properties": {"resource": {"const": name}}, "required": ["resource"]},
        "then": {"properties": then},
    })
}

/// The levels that can be named of a resource (MODEL 8): its own, and `access` where that is meant.
fn levels(resource: &ResourceSpec) -> Vec<(&str, &str)> {
    let own = resource.levels.iter().map(|level| {
        let display = level.display_name.as_deref();
        (level.name.as_str(), display.unwrap_or_default())
    });
    let mut all: Vec<(&str, &str)> = own.collect();
    let implicit = resource.levels.is_empty() || resource.identities.is_some();
    if implicit && !all.iter().any(|(name, _)| *name == "access") {
        all.push(("access", "Having it"));
    }
    all
}

/// Users with their names, by the manifests alone.
fn users(catalog: &Catalog) -> Vec<(&str, String)> {
    let all = catalog.users.iter().map(|(name, user)| {
        let names = [
            user.spec.given_name.as_ref(),
            user.spec.family_name.as_ref(),
        ];
        let names: Vec<&str> = names.into_iter().flatten().map(|n| n.0.as_str()).collect();
        let display = user.spec.display_name.clone();
        (name.as_str(), display.unwrap_or_else(|| names.join(" ")))
    });
    all.collect()
}
