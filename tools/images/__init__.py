"""What commands mean by an image: pulling, pushing and finding one joins the registry, the store and the layers."""
