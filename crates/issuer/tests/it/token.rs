//! `/token` with codes, `/userinfo`, `/revoke`.

use bytes::Bytes;
use http::{Request, header};
use protocol::{AccessTokenExpectation, ClientAuthentication, CodeVerifier, Secret, TokenErrorCode, TokenKind};

use crate::world::{
    Browser, ISSUER, PASSWORD, PUBLIC_REDIRECT_URI, REDIRECT_URI, SECRET, World, authorize_url, claims, client,
    confidential, encode, is_refused, location, nonce, refresh_token, text, verifier,
};

#[tokio::test]
async fn an_access_token_is_what_resource_servers_verify() {
    let world = World::new().await;
    let (_, tokens) = world.logged_in().await;
    let expected = AccessTokenExpectation {
        issuer: &world.metadata.issuer,
        audience: "https://api.example",
        algorithms: &world.metadata.id_token_signing_algorithms,
        now: world.now(),
        leeway: std::time::Duration::ZERO,
    };

    let access_token =
        protocol::verify_access_token(tokens.access_token.expose(), &world.keys().await, &expected).unwrap();

    let id_token = world.verify(&tokens, "app", nonce()).await;
    assert_eq!(access_token.subject, id_token.subject);
    assert_eq!(access_token.client_id, "app");
    assert_eq!(access_token.scope, ["openid", "profile", "email"]);
    assert_eq!(access_token.expires_at, world.now() + std::time::Duration::from_secs(300));
    assert_eq!(tokens.expires_in, Some(std::time::Duration::from_secs(300)));
    assert!(access_token.claims.contains_key("jti") && !access_token.claims.contains_key("sid"));
}

#[tokio::test]
async fn a_public_client_proves_itself_by_pkce_alone() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let url = authorize_url(&[("client_id", "spa"), ("redirect_uri", PUBLIC_REDIRECT_URI)]);
    let page = browser.visit(&world, &url).await;
    let answer = browser.submit(&world, &page, &[("username", "ann"), ("password", PASSWORD)]).await;
    let query = location(&answer).strip_prefix("https://spa.example/?").unwrap().to_owned();
    let (_, code) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code").unwrap();
    let spa = client("spa", ClientAuthentication::None);

    let tokens = world.redeem_as(&spa, &code, PUBLIC_REDIRECT_URI, &verifier()).await.unwrap();

    world.verify(&tokens, "spa", nonce()).await;
    world.refresh_as(&spa, &refresh_token(&tokens)).await.unwrap();
}

#[tokio::test]
async fn a_code_is_bound_to_its_client_redirect_uri_and_verifier() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let spa = client("spa", ClientAuthentication::None);
    let wrong_verifier = CodeVerifier::from_bytes(&[8; 32]);

    browser.log_in(&world).await;
    for (client, redirect_uri, verifier) in [
        (&spa, REDIRECT_URI, verifier()),
        (&confidential(), PUBLIC_REDIRECT_URI, verifier()),
        (&confidential(), REDIRECT_URI, wrong_verifier),
    ] {
        let answer = browser.visit(&world, &authorize_url(&[])).await;
        let code = crate::world::code(&world, &answer);

        let refused = world.redeem_as(client, &code, redirect_uri, &verifier).await;
        let used_up = world.redeem(&code).await;

        assert!(is_refused(&refused, &TokenErrorCode::InvalidGrant), "{refused:?}");
        assert!(is_refused(&used_up, &TokenErrorCode::InvalidGrant), "{used_up:?}");
    }
}

#[tokio::test]
async fn a_second_use_of_a_code_ends_what_the_first_brought() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let code = browser.log_in(&world).await;
    let tokens = world.redeem(&code).await.unwrap();
    let renewed = world.refresh(&refresh_token(&tokens)).await.unwrap();
    assert_eq!(world.userinfo_status(&renewed.access_token).await, 200);

    let second = world.redeem(&code).await;

    assert!(is_refused(&second, &TokenErrorCode::InvalidGrant));
    assert!(is_refused(&world.refresh(&refresh_token(&renewed)).await, &TokenErrorCode::InvalidGrant));
    assert_eq!(world.userinfo_status(&renewed.access_token).await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_parallel_redemptions_at_most_one_succeeds() {
    let world = std::sync::Arc::new(World::new().await);
    let mut browser = Browser::default();
    let code = browser.log_in(&world).await;
    let mut tasks = tokio::task::JoinSet::new();

    for _ in 0..8 {
        let (world, code) = (std::sync::Arc::clone(&world), code.clone());
        tasks.spawn(async move { world.redeem(&code).await });
    }
    let outcomes = tasks.join_all().await;

    let winners: Vec<_> = outcomes.into_iter().filter_map(Result::ok).collect();
    assert_eq!(winners.len(), 1);
    assert!(world.refresh(&refresh_token(&winners[0])).await.is_err());
}

#[tokio::test]
async fn a_code_is_good_for_a_minute() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let first = browser.log_in(&world).await;
    world.advance(std::time::Duration::from_millis(59_999));
    world.redeem(&first).await.unwrap();
    let answer = browser.visit(&world, &authorize_url(&[])).await;
    let second = crate::world::code(&world, &answer);
    world.advance(std::time::Duration::from_secs(60));

    assert!(is_refused(&world.redeem(&second).await, &TokenErrorCode::InvalidGrant));
}

#[tokio::test]
async fn a_client_authenticates_by_exactly_one_method() {
    let world = World::new().await;
    let secret = |text: &str| Secret::new(text.to_owned());
    let (_, tokens) = world.logged_in().await;
    let token = refresh_token(&tokens);

    for wrong in [
        client("app", ClientAuthentication::None),
        client("app", ClientAuthentication::SecretBasic(secret("another secret of some length"))),
        client("app", ClientAuthentication::SecretPost(secret("another secret of some length"))),
        client("nobody", ClientAuthentication::SecretBasic(secret(SECRET))),
        client("spa", ClientAuthentication::SecretBasic(secret(SECRET))),
    ] {
        assert!(is_refused(&world.refresh_as(&wrong, &token).await, &TokenErrorCode::InvalidClient), "{wrong:?}");
    }
    let post = client("app", ClientAuthentication::SecretPost(secret(SECRET)));
    world.refresh_as(&post, &token).await.unwrap();
}

#[tokio::test]
async fn a_client_that_uses_two_methods_at_once_is_refused() {
    let world = World::new().await;
    let (_, tokens) = world.logged_in().await;
    let refresh = Secret::new(refresh_token(&tokens));
    let mut request = protocol::refresh_request(&world.metadata, &confidential(), &refresh);
    let body = [request.body().as_ref(), b"&client_id=app&client_secret=x"].concat();
    *request.body_mut() = Bytes::from(body);

    let answer = world.exchange(request).await;

    assert_eq!(answer.status(), 400);
    assert_eq!(text(&answer), r#"{"error":"invalid_request"}"#);
}

#[tokio::test]
async fn refusals_have_the_form_of_the_standard_and_are_not_cached() {
    let world = World::new().await;
    let post = |body: String| {
        let request =
            Request::post(format!("{ISSUER}/token")).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        request.body(Bytes::from(body)).unwrap()
    };

    for (fields, status, error) in [
        (vec![], 400, "invalid_request"),
        (vec![("client_id", "spa")], 400, "invalid_request"),
        (vec![("client_id", "spa"), ("grant_type", "password")], 400, "unsupported_grant_type"),
        (vec![("client_id", "spa"), ("grant_type", "authorization_code")], 400, "invalid_request"),
        (vec![("client_id", "spa"), ("client_id", "spa"), ("grant_type", "refresh_token")], 400, "invalid_request"),
        (vec![("client_id", "spa"), ("grant_type", "refresh_token"), ("refresh_token", "x")], 400, "invalid_grant"),
        (vec![("client_id", "x"), ("grant_type", "refresh_token"), ("refresh_token", "x")], 401, "invalid_client"),
    ] {
        let answer = world.exchange(post(encode(fields.clone()))).await;

        assert_eq!(answer.status(), status, "{fields:?}");
        assert_eq!(text(&answer), format!("{{\"error\":\"{error}\"}}"), "{fields:?}");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(answer.headers().contains_key(header::WWW_AUTHENTICATE), status == 401);
    }
}

#[tokio::test]
async fn userinfo_tells_what_the_scope_grants() {
    let world = World::new().await;
    let (_, tokens) = world.logged_in().await;
    let id_token = world.verify(&tokens, "app", nonce()).await;
    let request = protocol::userinfo_request(&world.metadata, &tokens.access_token).unwrap();
    let mut by_post = protocol::userinfo_request(&world.metadata, &tokens.access_token).unwrap();
    *by_post.method_mut() = http::Method::POST;

    for request in [request, by_post] {
        let answer = world.exchange(request).await;

        let claims = protocol::parse_userinfo_response(&answer, &id_token.subject).unwrap();
        assert_eq!(claims["email"], "ann@example.com");
        assert_eq!(claims["name"], "Ann Example");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    }
}

#[tokio::test]
async fn userinfo_accepts_our_living_access_tokens_only() {
    let world = World::new().await;
    let (_, tokens) = world.logged_in().await;
    let forged = Secret::new(tokens.access_token.expose().replacen('.', ".e", 1));
    let id_token = tokens.id_token.clone().unwrap();

    assert_eq!(world.userinfo_status(&forged).await, 401);
    assert_eq!(world.userinfo_status(&id_token).await, 401);
    world.advance(std::time::Duration::from_secs(299));
    assert_eq!(world.userinfo_status(&tokens.access_token).await, 200);
    world.advance(std::time::Duration::from_secs(1));
    assert_eq!(world.userinfo_status(&tokens.access_token).await, 401);

    let missing = world.exchange(Request::get(format!("{ISSUER}/userinfo")).body(Bytes::new()).unwrap()).await;
    assert_eq!(missing.headers()[header::WWW_AUTHENTICATE], "Bearer");
}

#[tokio::test]
async fn revoking_a_refresh_token_ends_its_family() {
    let world = World::new().await;
    let (_, tokens) = world.logged_in().await;
    let renewed = world.refresh(&refresh_token(&tokens)).await.unwrap();
    let revoke = |token: &Secret<String>, kind| {
        protocol::revocation_request(&world.metadata, &confidential(), token, kind).unwrap()
    };

    let old_one = revoke(tokens.refresh_token.as_ref().unwrap(), TokenKind::Refresh);
    protocol::parse_revocation_response(&world.exchange(old_one).await).unwrap();
    let unknown = revoke(&Secret::new("x.y".to_owned()), TokenKind::Refresh);
    protocol::parse_revocation_response(&world.exchange(unknown).await).unwrap();

    assert!(is_refused(&world.refresh(&refresh_token(&renewed)).await, &TokenErrorCode::InvalidGrant));
    assert_eq!(world.userinfo_status(&renewed.access_token).await, 401);
}

#[tokio::test]
async fn revoking_an_access_token_leaves_the_refresh_token() {
    let world = World::new().await;
    let (_, tokens) = world.logged_in().await;
    let kind = TokenKind::Access;
    let request = protocol::revocation_request(&world.metadata, &confidential(), &tokens.access_token, kind).unwrap();

    protocol::parse_revocation_response(&world.exchange(request).await).unwrap();

    assert_eq!(world.userinfo_status(&tokens.access_token).await, 401);
    world.refresh(&refresh_token(&tokens)).await.unwrap();
}

#[tokio::test]
async fn a_client_cannot_revoke_what_is_not_its_own() {
    let world = World::new().await;
    let (_, tokens) = world.logged_in().await;
    let spa = client("spa", ClientAuthentication::None);
    let revoke = |client, token: &Secret<String>| {
        protocol::revocation_request(&world.metadata, client, token, TokenKind::Refresh).unwrap()
    };
    let unauthenticated = client("app", ClientAuthentication::None);

    let others = world.exchange(revoke(&spa, tokens.refresh_token.as_ref().unwrap())).await;
    let others_access_token = world.exchange(revoke(&spa, &tokens.access_token)).await;
    let unproved = world.exchange(revoke(&unauthenticated, tokens.refresh_token.as_ref().unwrap())).await;

    assert_eq!((others.status().as_u16(), others_access_token.status().as_u16()), (400, 400));
    assert_eq!(unproved.status(), 401);
    assert_eq!(world.userinfo_status(&tokens.access_token).await, 200);
    world.refresh(&refresh_token(&tokens)).await.unwrap();
}

#[tokio::test]
async fn each_access_token_has_an_id_of_its_own() {
    let world = World::new().await;
    let (_, tokens) = world.logged_in().await;
    let renewed = world.refresh(&refresh_token(&tokens)).await.unwrap();

    assert_ne!(claims(&tokens.access_token)["jti"], claims(&renewed.access_token)["jti"]);
}
