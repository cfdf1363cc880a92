//! Palisade's harness: artefacts, deployment, operations and reports.
