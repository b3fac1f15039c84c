//! A forge's runner in small: the scripts of a job, in order, in a clone of the repository, with the
//! program on the PATH; and a forge's API, which notes what it is asked.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

/// A job to be run.
pub struct Job {
    /// Where its steps run: the checkout.
    pub checkout: PathBuf,
    /// What the forge keeps for the job: files, outputs, the PATH.
    folder: tempfile::TempDir,
    /// What an expression means, by its text between `${{` and `}}`.
    pub expressions: BTreeMap<String, String>,
    /// Variables that the forge sets.
    pub variables: BTreeMap<String, String>,
    /// Programs that come before those of the machine.
    pub first_on_path: Option<PathBuf>,
}

/// How a step ended.
#[derive(Debug)]
pub struct Step {
    pub name: String,
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Job {
    /// One in a checkout.
    pub fn new(checkout: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["output", "path", "summary"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join("temp")).unwrap();
        Self {
            checkout,
            folder,
            expressions: BTreeMap::new(),
            variables: BTreeMap::new(),
            first_on_path: None,
        }
    }

    pub fn knows(mut self, expressions: &[(&str, &str)]) -> Self {
        let pairs = expressions
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        self.expressions.extend(pairs);
        self
    }

    pub fn has(mut self, variables: &[(&str, &str)]) -> Self {
        let pairs = variables
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        self.variables.extend(pairs);
        self
    }

    /// A file of the job, such as `temp/report/diff.md` or `path`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the steps that have a script, until one fails; each `uses` is left out.
    pub fn run(&self, workflow: &Value, job: &str) -> Vec<Step> {
        let job = &workflow["jobs"][job];
        let mut env = BTreeMap::new();
        for scope in [&workflow["env"], &job["env"]] {
            env.extend(self.env(scope));
        }
        let mut ran = Vec::new();
        let mut failed = false;
        for step in job["steps"].as_array().unwrap() {
            let Some(script) = step["run"].as_str() else {
                continue;
            };
            let condition = step["if"].as_str().unwrap_or("success()");
            let due = match condition {
                "failure()" => failed,
                "success()" => !failed,
                c if c.contains("success() || failure()") => true,
                c if c.contains("steps.") => {
                    let outputs = self.outputs();
                    let named = c.split(|c: char| c.is_whitespace()).next().unwrap();
                    let key = named.rsplit('.').next().unwrap();
                    !failed && outputs.contains_key(key)
                }
                c => panic!("a condition nobody here understands: {c}"),
            };
            if !due {
                continue;
            }
            let mut env = env.clone();
            env.extend(self.env(&step["env"]));
            let name = step["name"].as_str().unwrap_or("").to_owned();
            let step = self.script(name, &["bash", "-eo", "pipefail", "-c", script], &env);
            failed |= step.code != 0;
            ran.push(step);
        }
        ran
    }

    /// Runs the lines of a GitLab job as its runner does: one shell, which stops at the first failure.
    pub fn run_lines(&self, pipeline: &Value, job: &str) -> Step {
        let before = &pipeline[".countersign"]["before_script"];
        let lines = before.as_array().unwrap().iter();
        let lines = lines.chain(pipeline[job]["script"].as_array().unwrap());
        let lines: Vec<&str> = lines.map(|line| line.as_str().unwrap()).collect();
        self.script(
            job.to_owned(),
            &["sh", "-ec", &lines.join("\n")],
            &BTreeMap::new(),
        )
    }

    fn script(&self, name: String, command: &[&str], env: &BTreeMap<String, String>) -> Step {
        let program = Path::new(env!("CARGO_BIN_EXE_countersign"))
            .parent()
            .unwrap();
        let path = std::env::var("PATH").unwrap();
        let mut path = format!("{}:{path}", program.display());
        if let Some(first) = &self.first_on_path {
            path = format!("{}:{path}", first.display());
        }
        let output = Command::new(command[0])
            .args(&command[1..])
            .current_dir(&self.checkout)
            .env("PATH", path)
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("NO_COLOR", "1")
            .env_remove("COUNTERSIGN_OPERATOR")
            .env("RUNNER_TEMP", self.file("temp"))
            .env("GITHUB_OUTPUT", self.file("output"))
            .env("GITHUB_PATH", self.file("path"))
            .env("GITHUB_STEP_SUMMARY", self.file("summary"))
            .envs(&self.variables)
            .envs(env)
            .output()
            .unwrap();
        Step {
            name,
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The variables of a workflow, a job or a step, their expressions replaced.
    fn env(&self, env: &Value) -> BTreeMap<String, String> {
        let pairs = env.as_object().into_iter().flatten();
        pairs
            .map(|(name, value)| {
                let mut text = value.as_str().unwrap().to_owned();
                while let Some(begin) = text.find("${{") {
                    let end = begin + text[begin..].find("}}").unwrap();
                    let expression = text[begin + 3..end].trim().to_owned();
                    let meant = self.meaning(&expression);
                    text.replace_range(begin..end + 2, &meant);
                }
                (name.clone(), text)
            })
            .collect()
    }

    fn meaning(&self, expression: &str) -> String {
        if let Some(meant) = self.expressions.get(expression) {
            return meant.clone();
        }
        if expression.starts_with("steps.") && expression.contains(".outputs.") {
            let key = expression.rsplit('.').next().unwrap();
            return self.outputs().get(key).cloned().unwrap_or_default();
        }
        panic!("an expression nobody here understands: {expression}")
    }

    /// What steps have said.
    pub fn outputs(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(self.file("output")).unwrap();
        let pairs = text.lines().map(|line| line.split_once('=').unwrap());
        pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }
}

/// What was asked of the API.
#[derive(Debug, Clone)]
pub struct Asked {
    pub line: String,
    pub headers: String,
    pub body: String,
}

/// A forge's API on loopback.
pub struct Api {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Api {
    /// One that answers every request for a path ending like this with this JSON, and others with `{}`.
    pub fn answering(answers: &[(&str, Value)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let answers: Vec<(String, Value)> = answers
            .iter()
            .map(|(path, value)| ((*path).to_owned(), value.clone()))
            .collect();
        let notes = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut reader = BufReader::new(stream.unwrap());
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let (mut headers, mut length) = (String::new(), 0);
                loop {
                    let mut header = String::new();
                    reader.read_line(&mut header).unwrap();
                    if header.trim().is_empty() {
                        break;
                    }
                    let lower = header.to_lowercase();
                    if let Some(value) = lower.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    headers.push_str(&header);
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let path = line.split(' ').nth(1).unwrap().to_owned();
                let path = path.split('?').next().unwrap();
                let found = answers.iter().find(|(end, _)| path.ends_with(end));
                let answer = found.map_or("{}".to_owned(), |(_, value)| value.to_string());
                notes.lock().unwrap().push(Asked {
                    line: line.trim().to_owned(),
                    headers,
                    body: String::from_utf8(body).unwrap(),
                });
                let mut stream = reader.into_inner();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    answer.len()
                );
                // A client that does not wait for its answer has gone.
                let _ = stream.write_all(format!("{head}{answer}").as_bytes());
            }
        });
        Self { url, asked }
    }

    /// What was asked of it so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}
