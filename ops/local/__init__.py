"""A broker and a store of one's own: started on free loopback ports, gone with the process that started them."""
