//! Invoices, each seen by the person who owns it only. Kept in memory, the newest twenty for each person.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Extension, Json, extract::State, response::IntoResponse};
use http::StatusCode;
use protocol::AccessToken;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Everybody's invoices.
#[derive(Default)]
pub(super) struct Invoices(Mutex<HashMap<String, Vec<Invoice>>>);

#[derive(Clone, Serialize)]
struct Invoice {
    number: usize,
    customer: String,
    amount_cents: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewInvoice {
    customer: String,
    amount_cents: u32,
}

/// `GET /api/invoices`
pub(super) async fn list(
    State(invoices): State<Arc<Invoices>>,
    Extension(token): Extension<Arc<AccessToken>>,
) -> Json<Value> {
    Json(json!({ "invoices": invoices.of(&token, |own| own.clone()) }))
}

/// `POST /api/invoices`
pub(super) async fn add(
    State(invoices): State<Arc<Invoices>>,
    Extension(token): Extension<Arc<AccessToken>>,
    Json(new): Json<NewInvoice>,
) -> impl IntoResponse {
    if !(1..=80).contains(&new.customer.chars().count()) || new.amount_cents == 0 {
        let problem = json!({"error": "customer has 1 to 80 characters, amount_cents is at least 1"});
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(problem));
    }
    let added = invoices.of(&token, |own| {
        let number = own.last().map_or(1, |last| last.number + 1);
        let invoice = Invoice { number, customer: new.customer, amount_cents: new.amount_cents };
        if own.len() == MOST {
            own.remove(0);
        }
        own.push(invoice.clone());
        invoice
    });
    (StatusCode::CREATED, Json(json!({ "invoice": added })))
}

impl Invoices {
    /// Lets `act` see the invoices of the token's subject; a new person finds some.
    fn of<T>(&self, token: &AccessToken, act: impl FnOnce(&mut Vec<Invoice>) -> T) -> T {
        let mut everybody = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        act(everybody.entry(token.subject.as_str().to_owned()).or_insert_with(first_invoices))
    }
}

fn first_invoices() -> Vec<Invoice> {
    [("Hatter & Hare Tea Supplies", 12_900), ("Looking-Glass Optics", 54_000), ("White Rabbit Watchmakers", 7_450)]
        .into_iter()
        .zip(1..)
        .map(|((customer, amount_cents), number)| Invoice { number, customer: customer.to_owned(), amount_cents })
        .collect()
}

const MOST: usize = 20;
