"""The help of the Why screen."""

WHY_HELP = {
    "parts": "f and F change the part, or a click on its name. Each part asks the network one "
    "question about the image. During training the answers come slowly, since they take 5% of the "
    "time; a pause (space) makes them fast.",
    "esc": "cancels the answer in progress; without one, closes the screen.",
    "weights": "all parts are about one copy of the weights, so that they can be compared; the "
    "last line names the training step of that copy, and how many steps old it is. f5 asks again "
    "of the newest weights.",
    "← →": "the previous and the next image of the view that Why was opened from; where a part has "
    "a cursor of its own, page up and page down do that.",
    "sure": "the softmax probability of the predicted class. It is not how often the network is "
    "right: it can be 99% for a mistake, and for an image that shows no digit.",
    "what counts": "a patch of 4×4 pixels of background slides over the image, and the network "
    "predicts each of these images (occlusion). + marks a place that speaks for the predicted "
    "class, right or wrong: while it is covered, the class is less likely. − marks a place that "
    "speaks against it. ↑ and ↓, or a click on a bar, compare the class with another one: why 4 "
    "and not 9. S swaps the two.",
    "log-odds": "the logarithm of the odds p / (1 − p), where p is the probability of the class: "
    "0 is 50%, 2.3 is 91%, 4.6 is 99%. Each 0.7 more doubles the odds. They still change clearly "
    "where the probability is close to 0% or 100%. Of two classes: of one against the other.",
    "a small change": "the image is changed a little and again, each time in the direction that "
    "makes another class more likely (the gradient), within a distance that is made smaller as "
    "long as the network still predicts that class: an adversarial example. ↑ and ↓ choose the "
    "class. The change is drawn amplified: + adds ink, − removes ink. Source: Goodfellow et al. "
    "2014, Madry et al. 2017.",
    "size of a change": "its Euclidean norm: the square root of the sum of the squared changes of "
    "all pixels, where 0 is background and 1 is full ink. One pixel from 0 to 1 has size 1.",
    "its ideal image": "the image starts grey, and is changed step by step so that the class "
    "becomes likelier (gradient ascent, activation maximization), with a preference for smooth "
    "images. ↑ and ↓ choose the class. It is one of many images that the network responds to; the "
    "network neither stores it nor compares images with it.",
    "layers": "↑ and ↓ choose a layer, ← and → one of its units (g and G the first and the last, # "
    "by its number), and so does a click. A channel of a convolution is a unit that looks at each "
    "place of the image; its output is a small image, a feature map, in grey. A unit of a linear "
    "layer has one number, a cell of the strip. The weights are blue where negative and yellow "
    "where positive.",
    "largest output": "the ten test images for which the chosen unit has the largest output, "
    "of a channel the mean over its places: above each value the class, ✓ where the network "
    "predicts it. The whole test set is searched.",
    "switch off": "Z sets the output of a unit to 0 for this screen; it is marked with ○. The "
    "prediction without it appears below the true one, and the test accuracy with e and after "
    "each epoch. O switches all on again. Nothing of it is saved, and it has no effect on "
    "training. An accuracy that hardly changes does not show that the unit is useless: other units "
    "can replace it.",
    "map": "1,000 test images by the outputs of the last hidden layer. Of its many dimensions the "
    "two are drawn along which the images differ most (principal components); the shares of the "
    "variance say how much of the differences they are. It is drawn again after each epoch, and "
    "turned so that it moves little. The arrows and a click show an image, H shows the mistakes or "
    "one class alone, J the next image at the same place, enter explains it.",
}
