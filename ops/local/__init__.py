"""A local broker and store: started on free loopback ports, ended with the process that started them."""
