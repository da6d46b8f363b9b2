"""Where numbers and lines come from. Each source looks, none of them judges or remembers."""
