// The CDK writes each request to AWS into its log, and for the size of a body it has Node.js list all of its bytes: that
// took a quarter of the processor time of a deployment. A long body is a list of the same length without them.
const LONG = 1024;
const listed = Buffer.prototype.toJSON;

Buffer.prototype.toJSON = function () {
  if (this.length < LONG) return listed.call(this);
  const data = [];
  data.length = this.length;
  return { type: "Buffer", data };
};
