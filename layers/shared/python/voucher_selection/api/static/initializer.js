// Shows openapi.json, which lies beside the page. No validator: it would be a request to another host.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#explorer",
  deepLinking: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
