"""From observation to stored alert: the pipeline of a site, its spool and its way to the store."""
