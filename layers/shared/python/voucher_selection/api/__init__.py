"""What is served: answers, problems, pages, and the document that describes them."""
