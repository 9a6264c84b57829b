"""The README's evidence section: read from reports, written, and judged. See README.md."""
