import { connect } from "/zoetrope.js";

const model = new URLSearchParams(location.search).get("model") ?? "avatar";
const session = await connect({ model, canvas: document.querySelector("#face") });

document.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  session.speech.say(event.target.elements.text.value);
  event.target.reset();
});
