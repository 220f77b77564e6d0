"""What monitoring says, for Prometheus and Grafana."""
