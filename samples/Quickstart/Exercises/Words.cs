namespace Quickstart.Exercises;

/// <summary>Short regular nouns (their plurals follow the rules of <see cref="Families"/>).</summary>
internal static class Words
{
    public static readonly IReadOnlyList<string> All =
    [
        .. """
        acorn anchor apple arrow badge bagel banana barn basket bath beach bean bear berry bird blanket boat bone book bottle bowl box
        branch brick bridge broom brush bucket bush button cabin cable cake camel camera candle canoe canyon captain car carpet castle cat
        cave chair cherry church circle city cliff clock cloud coast coat coin comet copper coral corner cotton crab crane crater crown cup
        curtain daisy desert desk dish doctor dog door dragon drum eagle ear engine falcon farm feather fence fern ferry finger flag flower
        forest fountain fox frog garden gate ghost glacier glass glove goat grape guitar hammer harbor hat hawk hill horse house island
        jacket jar jewel jungle kettle key king kite ladder lake lamp lantern lemon letter lion lizard magnet maple market meadow melon
        mirror monkey moon moth mountain museum nest net notebook ocean olive onion orange orchard otter owl palace panda paper park parrot
        path peach pearl pebble pencil penny pepper piano picture pigeon pillow pilot planet plum pocket pond pony poet prince pumpkin
        puppy rabbit radio raft rain ranch raven ribbon ring river road robin rocket roof rope rose sailor salmon sandwich school shell
        ship shirt shovel signal silver singer sister skirt snail spider spoon spring squirrel stable star statue stone storm stream
        student sugar sword table tailor teacher temple tent tiger timber tomb tower town train tree trumpet tulip tuna tunnel turtle uncle
        valley vase village violin wagon wall walnut watch wave whale wheel whistle window winter wizard yacht zebra
        """.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
    ];
}
