"""Parts of the Race view: its chart, the bars of the lanes, and the digits as they see them."""
