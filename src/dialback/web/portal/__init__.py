"""The portal: what people do for themselves in a browser, and what administrators look at there."""
