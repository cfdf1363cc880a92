//! What Palisade's contracts share: roles, pauses, clock, safe transfers, oracle reads, types, interfaces.
