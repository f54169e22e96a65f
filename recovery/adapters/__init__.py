"""The only rooms that know vendors: database, GitHub, files, runner commands. Each one fulfils a port."""
