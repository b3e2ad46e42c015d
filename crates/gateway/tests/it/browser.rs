//! A browser as far as cookies and navigations go.

use std::{collections::HashMap, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Which site a request comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// A page of the origin that is asked.
    Own,
    /// Another site, or a redirect chain with one in it: Strict cookies stay behind.
    Elsewhere,
}

/// Cookies by host (they ignore the port) and name, with all their attributes.
#[derive(Default)]
pub(crate) struct Browser(HashMap<(String, String), String>);

/// An answer, not followed anywhere.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Browser {
    pub(crate) async fn navigate(&mut self, url: &str, from: From) -> Answer {
        self.send(("GET", url), from, &["sec-fetch-mode: navigate", "sec-fetch-dest: document"], "").await
    }

    /// Sends a form of the page at the same origin.
    pub(crate) async fn submit(&mut self, url: &str, form: &str) -> Answer {
        let origin = format!("origin: {}", url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/"));
        let headers = [
            "sec-fetch-mode: navigate",
            "sec-fetch-dest: document",
            &origin,
            "content-type: application/x-www-form-urlencoded",
        ];
        self.send(("POST", url), From::Own, &headers, form).await
    }

    /// What the app's own script does.
    pub(crate) async fn fetch(&mut self, method: &str, url: &str) -> Answer {
        self.send((method, url), From::Own, &["x-csrf: 1", "sec-fetch-mode: cors", "sec-fetch-dest: empty"], "").await
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|((_, cookie), _)| cookie == name).map(|(_, value)| value.as_str())
    }

    async fn send(&mut self, (method, url): (&str, &str), from: From, headers: &[&str], body: &str) -> Answer {
        let (authority, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap_or((&url[7..], ""));
        let host = authority.split(':').next().unwrap();
        let lines = [
            format!("{method} /{path} HTTP/1.1"),
            format!("host: {authority}"),
            format!("cookie: {}", self.cookies(host, from)),
            format!("content-length: {}", body.len()),
            format!("sec-fetch-site: {}", if from == From::Own { "same-origin" } else { "cross-site" }),
            "connection: close".to_owned(),
        ];
        let lines = lines.iter().map(String::as_str).chain(headers.iter().copied()).collect::<Vec<_>>();
        let mut stream = TcpStream::connect(authority).await.unwrap();
        stream.write_all(format!("{}\r\n\r\n{body}", lines.join("\r\n")).as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(Duration::from_secs(20), stream.read_to_string(&mut answer)).await.expect("an answer in time").unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        self.keep_cookies(host, head);
        Answer { status: head[9..12].parse().unwrap(), head: head.to_owned(), body: body.to_owned() }
    }

    fn cookies(&self, host: &str, from: From) -> String {
        let of_host = self.0.iter().filter(|((of, _), _)| of == host);
        let sent = of_host.filter(|(_, value)| from == From::Own || !value.contains("SameSite=Strict"));
        let pairs = sent.map(|((_, name), value)| format!("{name}={}", value.split(';').next().unwrap_or_default()));
        pairs.collect::<Vec<_>>().join("; ")
    }

    fn keep_cookies(&mut self, host: &str, head: &str) {
        for cookie in head.lines().filter_map(|line| line.strip_prefix("set-cookie: ")) {
            let (name, value) = cookie.split_once('=').unwrap();
            let key = (host.to_owned(), name.to_owned());
            if value.contains("Max-Age=0") {
                self.0.remove(&key)
            } else {
                self.0.insert(key, value.to_owned())
            };
        }
    }
}

impl Answer {
    pub(crate) fn location(&self) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix("location: "));
        line.unwrap_or_else(|| panic!("no redirect: {self:?}"))
    }

    /// The value of an input field of the page's form, or the form's `action`.
    pub(crate) fn after(&self, start: &str) -> String {
        let (_, rest) = self.body.split_once(start).unwrap_or_else(|| panic!("{start} is not in {self:?}"));
        rest.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&")
    }
}
