"""What the commands print: tables, reports and charts."""
