// A cross-site form post (CSRF): the browser would send a cookie along that is not SameSite.
document.getElementById("trap").submit();
