"""The kinds of step there are: a program, a script, an HTTP request."""
