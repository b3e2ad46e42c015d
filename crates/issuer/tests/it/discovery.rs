//! The discovery document says what there is.

use bytes::Bytes;
use http::{Method, Request, header};

use crate::world::{ISSUER, World};

async fn document(world: &World) -> serde_json::Value {
    let request = Request::get(format!("{ISSUER}/.well-known/openid-configuration")).body(Bytes::new()).unwrap();
    serde_json::from_slice(world.exchange(request).await.body()).unwrap()
}

#[tokio::test]
async fn every_endpoint_in_the_document_answers_at_its_methods_and_at_no_other() {
    let world = World::new().await;
    let document = document(&world).await;

    for (name, methods) in [
        ("authorization_endpoint", &[Method::GET, Method::POST][..]),
        ("token_endpoint", &[Method::POST]),
        ("userinfo_endpoint", &[Method::GET, Method::POST]),
        ("jwks_uri", &[Method::GET]),
        ("revocation_endpoint", &[Method::POST]),
        ("end_session_endpoint", &[Method::GET, Method::POST]),
    ] {
        let url = document[name].as_str().unwrap();
        assert!(url.starts_with(ISSUER), "{url}");
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
            let request = Request::builder().method(method.clone()).uri(url).body(Bytes::new()).unwrap();
            let status = world.exchange(request).await.status().as_u16();
            assert_ne!(status, 404, "{method} {url}");
            assert_eq!(status == 405, !methods.contains(&method), "{method} {url}: {status}");
        }
    }
}

#[tokio::test]
async fn the_document_announces_what_careful_clients_look_for() {
    let world = World::new().await;
    let document = document(&world).await;

    assert_eq!(document["issuer"], ISSUER);
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    assert_eq!(document["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    assert_eq!(document["response_types_supported"], serde_json::json!(["code"]));
    assert_eq!(document["request_uri_parameter_supported"], false);
    assert_eq!(document["backchannel_logout_supported"], true);
    assert_eq!(document["backchannel_logout_session_supported"], true);
    assert_eq!(
        document["token_endpoint_auth_methods_supported"],
        serde_json::json!(["client_secret_basic", "client_secret_post", "none"])
    );
}

#[tokio::test]
async fn the_key_set_has_the_public_half_only() {
    let world = World::new().await;

    let answer = world.exchange(protocol::key_set_request(&world.metadata)).await;

    let document: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    let key = document["keys"][0].as_object().unwrap();
    let names: Vec<_> = key.keys().map(String::as_str).collect();
    assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!(answer.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert_eq!(world.keys().await.len(), 1);
}
