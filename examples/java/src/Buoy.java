/** Blinks a message in Morse code. */
public final class Buoy {
    private static final String LETTERS = "abcdefghijklmnopqrstuvwxyz";
    private static final String[] CODES =
            (".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --..")
                    .split(" ");

    private Buoy() {}

    static String blink(String message) {
        StringBuilder lights = new StringBuilder();
        for (char letter : message.toLowerCase().toCharArray()) {
            int index = LETTERS.indexOf(letter);
            if (index >= 0) {
                lights.append(lights.isEmpty() ? "" : " ").append(CODES[index]);
            }
        }
        return lights.toString();
    }

    public static void main(String[] words) {
        System.out.println(blink(String.join("", words)));
    }
}
