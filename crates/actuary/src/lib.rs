//! Fixed-point actuarial mathematics: pricing, credibility, capital. No I/O, no SDK.
