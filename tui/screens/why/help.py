"""The help of the Why screen."""

WHY_HELP = {
    "parts": "f and F change the part, or a click on its name. Each part asks the network one "
    "question about the image. During training the answers come slowly, since they take 5% of the "
    "time; a pause (space) makes them fast.",
    "esc": "cancels the answer in progress; without one, closes the screen.",
    "weights": "all parts are about one copy of the weights, so that they can be compared; the "
    "last line names the training step of that copy, and how many steps old it is. f5 asks again "
    "of the newest weights.",
    "← →": "the previous and the next image of those that it was opened from; where a part has a "
    "cursor of its own, page up and page down do that.",
    "what it looks at": "a patch of 4×4 pixels of paper slides over the image, and the network "
    "predicts each of these images. + marks places whose cover makes the class less likely, so "
    "that what is there helps it; − marks places whose cover makes it more likely, so that what is "
    "there hurts it. ↑ and ↓, or a click on a bar, compare the class with another one: why 4 and "
    "not 9. S swaps the two.",
    "log-odds": "the logarithm of how likely a class is against all others: 0 is one to one, each "
    "0.7 more doubles the odds, each 2.3 more makes them ten times as high. They change evenly "
    "where a probability is already close to 0% or 100%.",
    "a small change": "the image is changed a little and again, each time in the direction that "
    "makes another class more likely (the gradient), within a distance that is made smaller as "
    "long as the network still predicts that class. ↑ and ↓ choose the class. The change is drawn "
    "amplified: + adds ink, − removes ink. Source: Goodfellow et al. 2014, Madry et al. 2017.",
    "size of a change": "its Euclidean norm: the square root of the sum of the squared changes of "
    "all pixels, where 0 is paper and 1 is full ink. One pixel from paper to ink is 1.",
    "its ideal image": "the image starts grey, and is changed step by step so that the network is "
    "surer of the class (gradient ascent), with a preference for smooth images. ↑ and ↓ choose the "
    "class. It shows what the network responds to, which is not what people draw.",
    "layers": "↑ and ↓ choose a layer, ← and → one of its units (g and G the first and the last, # "
    "by its number), and so does a click. A channel of a convolution is a unit that looks at each "
    "place of the image; its output is a small image, a feature map, in grey. A unit of a linear "
    "layer has one number, a cell of the strip. The weights are blue where negative and yellow "
    "where positive.",
    "excite": "the ten test images for which the chosen unit has the largest output, of a channel "
    "the mean over its places: above each value the class, ✓ where the network predicts it. The "
    "whole test set is searched.",
    "switch off": "Z sets the output of a unit to 0 for this screen; it is marked with ○. The "
    "prediction without it appears below the true one, and the test accuracy with e and after "
    "each epoch. O switches all on again. Nothing of it is saved, and training does not see it.",
    "map": "1,000 test images by the outputs of the last hidden layer. Of its many dimensions the "
    "two are drawn along which the images differ most (principal components); the shares of the "
    "variance say how much of the differences they are. It is drawn again after each epoch, and "
    "turned so that it moves little. The arrows and a click show an image, H shows the mistakes or "
    "one class alone, J the next image at the same place, enter explains it.",
}
