"""Networks of containers: addresses, bridges, the firewall, names, and what a container has of them."""
