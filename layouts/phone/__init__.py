"""The responder's phone page: plain HTML made on the server, one style sheet, one script."""
