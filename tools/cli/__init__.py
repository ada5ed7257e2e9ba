"""How every command meets the world: parsing, the loop over objects, documents in and out, errors, help and pages."""
