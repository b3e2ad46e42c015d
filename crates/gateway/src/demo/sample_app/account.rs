//! `/account`: a page made on the server. The gateway sends the access token along, the server verifies it and calls
//! the API with it on the person's behalf; the browser sees HTML.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, Request, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use bytes::Bytes;
use protocol::AccessToken;
use serde::Deserialize;

use super::SECURITY_HEADERS;
use crate::demo::{bearer::Verifier, loopback::LoopbackClient};

/// What the page needs.
pub(super) struct AccountPage {
    verifier: Arc<Verifier>,
    client: LoopbackClient,
    invoices_url: String,
}

#[derive(Deserialize)]
struct Answer {
    invoices: Vec<Invoice>,
}

#[derive(Deserialize)]
struct Invoice {
    number: usize,
    customer: String,
    amount_cents: u32,
}

impl AccountPage {
    pub(super) fn new(api: &str, verifier: Arc<Verifier>) -> Self {
        Self { verifier, client: LoopbackClient::new(), invoices_url: format!("{api}/api/invoices") }
    }

    /// Calls the API with the token that came with the request.
    async fn invoices(&self, authorization: Option<&HeaderValue>) -> Result<Vec<Invoice>, String> {
        let mut request = Request::get(&self.invoices_url).body(Bytes::new()).map_err(|error| error.to_string())?;
        request.headers_mut().extend(authorization.map(|value| (header::AUTHORIZATION, value.clone())));
        let answer = self.client.send(request).await.map_err(|error| error.to_string())?;
        if answer.status() != StatusCode::OK {
            return Err(format!("the API answers {}", answer.status()));
        }
        let answer: Answer = serde_json::from_slice(answer.body()).map_err(|error| error.to_string())?;
        Ok(answer.invoices)
    }
}

/// `GET /account`
pub(super) async fn page(State(page): State<Arc<AccountPage>>, headers: HeaderMap) -> Response {
    let token = match page.verifier.require_token(&headers).await {
        Ok(token) => token,
        Err(refusal) => return refusal.into_response(),
    };
    match page.invoices(headers.get(header::AUTHORIZATION)).await {
        Ok(invoices) => (SECURITY_HEADERS, Html(render(&token, &invoices))).into_response(),
        Err(reason) => {
            tracing::warn!(reason, "the account page cannot have the invoices");
            (StatusCode::BAD_GATEWAY, SECURITY_HEADERS, "The invoices cannot be shown at the moment.\n").into_response()
        }
    }
}

fn render(token: &AccessToken, invoices: &[Invoice]) -> String {
    let rows = invoices.iter().fold(String::new(), |mut rows, invoice| {
        let (euros, cents) = (invoice.amount_cents / 100, invoice.amount_cents % 100);
        let customer = escaped(&invoice.customer);
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            rows,
            "<tr><td>{}</td><td>{customer}</td><td class=\"amount\">{euros}.{cents:02} €</td></tr>",
            invoice.number
        );
        rows
    });
    include_str!("../app/account.html")
        .replace("{{subject}}", &escaped(token.subject.as_str()))
        .replace("{{rows}}", &rows)
}

/// Text that a browser shows as it is.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, letter| {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(letter),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_called_script_stays_text() {
        assert_eq!(escaped("<script>\"&'"), "&lt;script&gt;&quot;&amp;&#39;");
    }
}
