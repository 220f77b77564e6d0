"""Several processes behind one port: as many as the load asks for, and no request lost with one."""
