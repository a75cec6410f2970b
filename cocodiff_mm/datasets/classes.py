"""Class names of the supported datasets, in label order.

The order is the contract between annotations, classifier and text bank: label ``i`` of a
dataset is ``CLASSES[set][i]``, and a text bank is refused when its names differ.
"""

_NTU120 = (
    # A1-A40, daily actions
    'drink water', 'eat meal', 'brush teeth', 'brush hair', 'drop', 'pick up', 'throw',
    'sit down', 'stand up', 'clapping', 'reading', 'writing', 'tear up paper', 'put on jacket',
    'take off jacket', 'put on a shoe', 'take off a shoe', 'put on glasses', 'take off glasses',
    'put on a hat or cap', 'take off a hat or cap', 'cheer up', 'hand waving',
    'kicking something', 'reach into pocket', 'hopping', 'jump up', 'phone call',
    'play with phone or tablet', 'type on a keyboard', 'point to something', 'taking a selfie',
    'check time from watch', 'rub two hands', 'nod head or bow', 'shake head', 'wipe face',
    'salute', 'put palms together', 'cross hands in front',
    # A41-A49, medical conditions
    'sneeze or cough', 'staggering', 'falling down', 'headache', 'chest pain', 'back pain',
    'neck pain', 'nausea or vomiting', 'fan self',
    # A50-A60, two persons
    'punch or slap other person', 'kicking other person', 'pushing other person',
    'pat on back of other person', 'point finger at other person', 'hugging other person',
    'giving object to other person', "touch other person's pocket", 'shaking hands',
    'walking towards each other', 'walking apart from each other',
    # A61-A102, daily actions added by NTU RGB+D 120
    'put on headphone', 'take off headphone', 'shoot at the basket', 'bounce ball',
    'tennis bat swing', 'juggling table tennis balls', 'hush', 'flick hair', 'thumb up',
    'thumb down', 'make ok sign', 'make victory sign', 'staple book', 'counting money',
    'cutting nails', 'cutting paper using scissors', 'snapping fingers', 'open bottle',
    'sniff or smell', 'squat down', 'toss a coin', 'fold paper', 'ball up paper',
    'play magic cube', 'apply cream on face', 'apply cream on hand back', 'put on bag',
    'take off bag', 'put something into a bag', 'take something out of a bag', 'open a box',
    'move heavy objects', 'shake fist', 'throw up cap or hat', 'hands up both hands',
    'cross arms', 'arm circles', 'arm swings', 'running on the spot',
    'butt kicks kick backward', 'cross toe touch', 'side kick',
    # A103-A105, medical conditions
    'yawn', 'stretch oneself', 'blow nose',
    # A106-A120, two persons
    'hit other person with something', 'wield knife towards other person',
    'knock over other person', "grab other person's stuff", 'shoot at other person with a gun',
    'step on foot', 'high-five', 'cheers and drink', 'carry something with other person',
    'take a photo of other person', 'follow other person', 'whisper in other person\'s ear',
    'exchange things with other person', 'support somebody with hand',
    'finger-guessing game (rock-paper-scissors)',
)

CLASSES: dict[str, tuple[str, ...]] = {
    'ntu120': _NTU120,
    'ntu60': _NTU120[:60],
    'nwucla': (
        'pick up with one hand', 'pick up with two hands', 'drop trash', 'walk around',
        'sit down', 'stand up', 'donning', 'doffing', 'throw', 'carry',
    ),
    'sbu': (
        'approaching', 'departing', 'kicking', 'pushing', 'shaking hands', 'hugging',
        'exchanging', 'punching',
    ),
    'synthetic': (
        'drink water', 'answer phone', 'wave hand', 'brush hair', 'throw', 'clap hands',
        'raise both arms', 'sit down', 'stand up', 'pick up from floor', 'kick forward',
        'jump up', 'march in place', 'shake hands', 'push another person',
        'walk towards each other', 'walk apart',
    ),
}  # fmt: skip
